import { MalformedMessageError } from "./malformed-message-error.ts";

/**
 * Reads one protobuf message, field by field: `next()` moves to a field, then one of the
 * others reads or skips it. Reading past the end, or as another type, throws.
 */
export class ProtobufReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;
  #wireType = 0;
  /** The number of the field that `next` came to. */
  field = 0;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** How the present field is encoded: 0 is a number, 2 is what has a length. */
  get wireType(): number {
    return this.#wireType;
  }

  /** Moves to the next field, if there is one. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.#uint32();
    this.field = tag >>> 3;
    this.#wireType = tag & 7;
    if (this.field === 0) {
      const inGo = `proto: illegal tag 0 (wire type ${this.#wireType})`;
      throw new MalformedMessageError("a field has the number 0", inGo);
    }
    return true;
  }

  int64(): bigint {
    this.#expect(0);
    return BigInt.asIntN(64, this.#varint64());
  }

  uint64(): bigint {
    this.#expect(0);
    return BigInt.asUintN(64, this.#varint64());
  }

  /** An enumeration, or another small number. */
  uint32(): number {
    this.#expect(0);
    return Number(BigInt.asUintN(32, this.#varint64()));
  }

  /** Such numbers as a repeated field has them: each by itself, or many in one. */
  uint32s(): number[] {
    if (this.#wireType === 0) return [this.uint32()];
    const packed = this.message();
    const numbers: number[] = [];
    while (packed.#at < packed.#end) numbers.push(Number(BigInt.asUintN(32, packed.#varint64())));
    return numbers;
  }

  bool(): boolean {
    this.#expect(0);
    return this.#varint64() !== 0n;
  }

  /** A copy, since the original would keep all that was received along with it in memory. */
  bytes(): Uint8Array {
    const end = this.#span();
    const value = new Uint8Array(this.#bytes.subarray(this.#at, end));
    this.#at = end;
    return value;
  }

  string(): string {
    const end = this.#span();
    const { buffer, byteOffset } = this.#bytes;
    const value = Buffer.from(buffer, byteOffset + this.#at, end - this.#at).toString();
    this.#at = end;
    return value;
  }

  /** A reader of the message in this field. */
  message(): ProtobufReader {
    const end = this.#span();
    const reader = new ProtobufReader(this.#bytes, this.#at, end);
    this.#at = end;
    return reader;
  }

  /** Passes over a field that means nothing to us, such as one of a newer etcd. */
  skip(): void {
    if (this.#wireType === 0) this.#varint64();
    else if (this.#wireType === 1) this.#advance(8);
    else if (this.#wireType === 2) this.#at = this.#span();
    else if (this.#wireType === 3) this.#skipGroup();
    else if (this.#wireType === 5) this.#advance(4);
    else throw this.#illegal();
  }

  /** Groups are a thing of the past, but Go still passes over them. */
  #skipGroup(): void {
    for (let depth = 1; depth > 0; ) {
      if (!this.next()) throw truncated();
      if (this.#wireType === 3) depth++;
      else if (this.#wireType === 4) depth--;
      else this.skip();
    }
  }

  #illegal(): MalformedMessageError {
    const inGo =
      this.#wireType === 4
        ? "proto: wiretype end group for non-group"
        : `proto: illegal wireType ${this.#wireType}`;
    return new MalformedMessageError(`field ${this.field} has wire type ${this.#wireType}`, inGo);
  }

  /** Where the present length-delimited field ends. */
  #span(): number {
    this.#expect(2);
    const length = this.#uint32();
    if (length > this.#end - this.#at) throw truncated();
    return this.#at + length;
  }

  #advance(size: number): void {
    if (size > this.#end - this.#at) throw truncated();
    this.#at += size;
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) {
      throw new MalformedMessageError(
        `field ${this.field} has wire type ${this.#wireType} instead of ${wireType}`,
        `proto: wrong wireType = ${this.#wireType} for field ${this.field}`,
      );
    }
  }

  #byte(): number {
    if (this.#at >= this.#end) throw truncated();
    return this.#bytes[this.#at++] as number;
  }

  #uint32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break;
        return value;
      }
    }
    throw new MalformedMessageError("a tag or a length is too large", "proto: integer overflow");
  }

  #varint64(): bigint {
    let low = 0;
    let scale = 1;
    // Seven bytes of seven bits still are an exact number.
    for (let count = 0; count < 7; count++) {
      const byte = this.#byte();
      low += (byte & 0x7f) * scale;
      if (byte < 0x80) return BigInt(low);
      scale *= 128;
    }
    let value = BigInt(low);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new MalformedMessageError("a number has more than ten bytes", "proto: integer overflow");
  }
}

function truncated(): MalformedMessageError {
  return new MalformedMessageError("it ends in the middle of a field", "unexpected EOF");
}
