import type { Cut, Passage } from "./cutting-proxy.ts";

/** Which cuts are to be made. */
export interface CourseOptions {
  readonly unit: Cut["unit"];
  readonly kind: Cut["kind"];
  /** Every how many bytes or frames. @default 1 */
  readonly stride?: number;
  /** Which of the first so many, where not each has its turn. @default 0 */
  readonly offset?: number;
}

/** One direction of an operation's exchange, which is cut further and further behind. */
export class Course {
  readonly #direction: Cut["direction"];
  readonly #options: CourseOptions;
  /** How long it was without a cut. */
  readonly #length: number;
  #next: number;
  /** Whether a cut is under way that may be too far behind. */
  #isProbing = false;
  /** Whether one was. */
  #isPassed = false;

  constructor(direction: Cut["direction"], options: CourseOptions, passage: Passage) {
    this.#direction = direction;
    this.#options = options;
    this.#length = passage[options.unit][direction];
    this.#next = (options.offset ?? 0) % (options.stride ?? 1);
  }

  /** Whether there is a next cut, now: it ends once one was too far behind to be made. */
  get hasNext(): boolean {
    return this.#next <= this.#length || !(this.#isProbing || this.#isPassed);
  }

  /** The next cut. */
  next(): Cut {
    const { unit, kind, stride = 1 } = this.#options;
    const after = this.#next;
    this.#next += stride;
    this.#isProbing = after > this.#length;
    return { direction: this.#direction, after, unit, kind };
  }

  /** Hears of a cut whether it was made. */
  ended({ after }: Cut, isCut: boolean): void {
    if (after <= this.#length) return;
    this.#isProbing = false;
    if (!isCut) this.#isPassed = true;
  }
}
