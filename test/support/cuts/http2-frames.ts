// What a client says before its first frame, by RFC 9113.
const prefaceLength = 24;
const headLength = 9;

/** Finds out where the frames of one direction of an HTTP/2 connection end. */
export class Http2Frames {
  /** How many bytes of the present frame, or of what comes before the first, are still to come. */
  #left: number;
  readonly #head: number[] = [];

  constructor(sender: "client" | "server") {
    this.#left = sender === "client" ? prefaceLength : 0;
  }

  /** Takes what comes next. Returns behind which of its bytes a frame ends, by how many they are. */
  push(chunk: Uint8Array): readonly number[] {
    const ends: number[] = [];
    for (let at = 0; at < chunk.length; ) {
      if (this.#left > 0) {
        const part = Math.min(this.#left, chunk.length - at);
        this.#left -= part;
        at += part;
        if (this.#left === 0) ends.push(at);
        continue;
      }
      this.#head.push(chunk[at++] as number);
      if (this.#head.length < headLength) continue;
      const [high = 0, middle = 0, low = 0] = this.#head.splice(0);
      this.#left = high * 65_536 + middle * 256 + low;
      if (this.#left === 0) ends.push(at);
    }
    return ends;
  }
}
