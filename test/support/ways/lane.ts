import type { Socket } from "node:net";
import type { Random } from "../seeded-random.ts";
import { delayOf, type Trouble } from "./trouble.ts";

/** A piece on its way; without bytes it is the end of the connection. */
interface Piece {
  readonly bytes: Buffer | undefined;
  readonly arrivesAt: number;
}

/** One direction of one connection. Nothing in it overtakes anything, its end neither. */
export class Lane {
  readonly #to: Socket;
  readonly #trouble: () => Trouble;
  readonly #random: Random;
  readonly #under: Piece[] = [];
  #timer: NodeJS.Timeout | undefined;
  #last = 0;

  constructor(from: Socket, to: Socket, trouble: () => Trouble, random: Random) {
    this.#to = to;
    this.#trouble = trouble;
    this.#random = random;
    from.on("data", (bytes: Buffer) => this.#send(bytes));
    from.on("error", () => {});
    from.on("close", () => this.#send(undefined));
  }

  /** Lets arrive what has nothing in its way any more. */
  look(): void {
    clearTimeout(this.#timer);
    while (!this.#trouble().isCut) {
      const [next] = this.#under;
      if (!next) return;
      const leftMs = next.arrivesAt - performance.now();
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.look(), leftMs);
        return;
      }
      this.#under.shift();
      this.#arrive(next);
    }
  }

  drop(): void {
    clearTimeout(this.#timer);
    this.#under.length = 0;
  }

  #send(bytes: Buffer | undefined): void {
    const arrivesAt = performance.now() + delayOf(this.#trouble(), this.#random);
    this.#last = Math.max(this.#last, arrivesAt);
    this.#under.push({ bytes, arrivesAt: this.#last });
    this.look();
  }

  #arrive({ bytes }: Piece): void {
    if (bytes === undefined) this.#to.destroy();
    else if (this.#to.writable) this.#to.write(bytes);
  }
}
