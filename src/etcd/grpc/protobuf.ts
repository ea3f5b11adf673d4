const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;

/** What a message on the wire should never look like. */
export class MalformedMessageError extends Error {
  override name = "MalformedMessageError";
}

/**
 * Writes one protobuf message behind some room for a frame's header, so that it can be sent
 * without being copied. Fields at their default value are left out, as proto3 has it.
 */
export class ProtobufWriter {
  readonly #headroom: number;
  #bytes: Buffer;
  #length: number;

  constructor(headroom = 0) {
    this.#headroom = headroom;
    this.#bytes = Buffer.allocUnsafe(256);
    this.#length = headroom;
  }

  int64(field: number, value: bigint | undefined): void {
    if (value === undefined || value === 0n) return;
    if (value < int64Min || value > int64Max) {
      throw new RangeError(`${value} does not fit into 64 bits`);
    }
    this.#reserve(15);
    this.#varint(field * 8);
    // Most numbers are small; only the large and the negative ones pay for 64 bits.
    if (value > 0n && value <= 0x7fff_ffffn) this.#varint(Number(value));
    else this.#varint64(BigInt.asUintN(64, value));
  }

  uint32(field: number, value: number): void {
    if (value === 0) return;
    this.#reserve(10);
    this.#varint(field * 8);
    this.#varint(value);
  }

  bool(field: number, value: boolean | undefined): void {
    if (value) this.uint32(field, 1);
  }

  bytes(field: number, value: Uint8Array | undefined): void {
    if (value === undefined || value.length === 0) return;
    this.#reserve(10 + value.length);
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  string(field: number, value: string): void {
    this.bytes(field, Buffer.from(value));
  }

  /** Writes a message inside this one, even an empty one. */
  message<T>(field: number, value: T, encode: (value: T, writer: ProtobufWriter) => void): void {
    this.#reserve(6);
    this.#varint(field * 8 + 2);
    // Nearly always one byte is enough for the length; if not, the message moves up.
    const start = this.#length + 1;
    this.#length = start;
    encode(value, this);
    const length = this.#length - start;
    const extra = varintLength(length) - 1;
    if (extra > 0) {
      this.#reserve(extra);
      this.#bytes.copyWithin(start + extra, start, this.#length);
    }
    this.#length = start - 1;
    this.#varint(length);
    this.#length += length;
  }

  /** The message, with the room before it. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** How long the message is, without the room before it. */
  get length(): number {
    return this.#length - this.#headroom;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  #varint64(value: bigint): void {
    let rest = value;
    while (rest > 0x7fn) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest);
  }

  #reserve(size: number): void {
    const needed = this.#length + size;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest >>>= 7) length++;
  return length;
}

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

  /** Moves to the next field, if there is one. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.#uint32();
    this.field = tag >>> 3;
    this.#wireType = tag & 7;
    if (this.field === 0) throw new MalformedMessageError("a field has the number 0");
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
    else if (this.#wireType === 5) this.#advance(4);
    else throw new MalformedMessageError(`field ${this.field} has wire type ${this.#wireType}`);
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
    throw new MalformedMessageError("a tag or a length is too large");
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
    throw new MalformedMessageError("a number has more than ten bytes");
  }
}

function truncated(): MalformedMessageError {
  return new MalformedMessageError("it ends in the middle of a field");
}
