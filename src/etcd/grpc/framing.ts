import { MalformedMessageError, ProtobufReader, ProtobufWriter } from "./protobuf.ts";

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

/** Puts the messages of a stream together again, however the network cut them. */
export class FrameReader {
  readonly #sizeMax: number;
  #chunks: Buffer[] = [];
  #buffered = 0;

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  /** Whether the stream may end here, and not in the middle of a message. */
  get isBetweenFrames(): boolean {
    return this.#buffered === 0;
  }

  /**
   * Takes what was received, and returns a reader for each message that is now whole.
   *
   * @throws {MalformedMessageError} for a compressed or an oversized message.
   */
  push(chunk: Buffer): ProtobufReader[] {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    const messages: ProtobufReader[] = [];
    for (;;) {
      const bodyLength = this.#bodyLength();
      if (bodyLength === undefined || this.#buffered < headerLength + bodyLength) return messages;
      const bytes = this.#joined();
      const end = headerLength + bodyLength;
      messages.push(new ProtobufReader(bytes, headerLength, end));
      this.#buffered -= end;
      this.#chunks = this.#buffered === 0 ? [] : [bytes.subarray(end)];
    }
  }

  #bodyLength(): number | undefined {
    if (this.#buffered < headerLength) return undefined;
    const first = this.#chunks[0] as Buffer;
    const header = first.length >= headerLength ? first : this.#joined();
    if (header[0] !== 0)
      throw new MalformedMessageError("it is compressed, which nobody asked for");
    const length = header.readUInt32BE(1);
    if (length > this.#sizeMax) {
      throw new MalformedMessageError(`it has ${length} bytes, more than ${this.#sizeMax}`);
    }
    return length;
  }

  // Chunks are joined once per message, not once per chunk: large messages come in many.
  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }
}
