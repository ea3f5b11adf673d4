import { MalformedMessageError } from "./malformed-message-error.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

const headerLength = 5;

/** A message as gRPC sends it: whether it is compressed (never), its length, its bytes. */
export function encodeFrame<T>(
  message: T,
  encode: (message: T, writer: ProtobufWriter) => void,
): Buffer {
  const writer = new ProtobufWriter(headerLength);
  encode(message, writer);
  const frame = writer.finish();
  frame[0] = 0;
  frame.writeUInt32BE(writer.length, 1);
  return frame;
}

/** Looks at the header of a message, and throws if it is not one to go on with. */
export type FrameCheck = (compression: number, length: number) => void;

/** Puts the messages of a stream together again, however the network cut them. */
export class FrameReader {
  readonly #check: FrameCheck;
  #chunks: Buffer[] = [];
  #buffered = 0;

  constructor(check: FrameCheck) {
    this.#check = check;
  }

  /** Whether the stream may end here, and not in the middle of a message. */
  get isBetweenFrames(): boolean {
    return this.#buffered === 0;
  }

  /** Whether there is a whole header, and less than the message that it announces. */
  get isWithinFrame(): boolean {
    return this.#buffered >= headerLength;
  }

  /**
   * Takes what was received, and returns a reader for each message that is now whole.
   *
   * @throws what the check throws.
   */
  push(chunk: Buffer): ProtobufReader[] {
    this.add(chunk);
    const messages: ProtobufReader[] = [];
    for (let message = this.take(); message; message = this.take()) messages.push(message);
    return messages;
  }

  /** Takes what was received. */
  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
  }

  /**
   * A reader for the next message, if it is whole.
   *
   * @throws what the check throws.
   */
  take(): ProtobufReader | undefined {
    const bodyLength = this.#bodyLength();
    if (bodyLength === undefined || this.#buffered < headerLength + bodyLength) return undefined;
    const bytes = this.#joined();
    const end = headerLength + bodyLength;
    this.#buffered -= end;
    this.#chunks = this.#buffered === 0 ? [] : [bytes.subarray(end)];
    return new ProtobufReader(bytes, headerLength, end);
  }

  #bodyLength(): number | undefined {
    if (this.#buffered < headerLength) return undefined;
    const first = this.#chunks[0] as Buffer;
    const header = first.length >= headerLength ? first : this.#joined();
    const length = header.readUInt32BE(1);
    this.#check(header[0] as number, length);
    return length;
  }

  // Chunks are joined once per message, not once per chunk: large messages come in many.
  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }
}

/** What a client goes on with: messages up to a size, not compressed, for it never asks for that. */
export function plainFrames(sizeMax: number): FrameCheck {
  return (compression, length) => {
    if (compression !== 0) {
      throw new MalformedMessageError("it is compressed, which nobody asked for");
    }
    if (length > sizeMax) {
      throw new MalformedMessageError(`it has ${length} bytes, more than ${sizeMax}`);
    }
  };
}
