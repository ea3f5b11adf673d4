const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;

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

  /** A number without a sign, of 64 bits. */
  uint64(field: number, value: bigint): void {
    this.int64(field, BigInt.asIntN(64, value));
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
