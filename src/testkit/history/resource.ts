import { Fence, type FencingToken } from "../../fence.ts";

/** How a resource behaves. */
export interface ResourceOptions {
  /**
   * Whether it refuses a token that is smaller than one before, as a `Fence` does. One that takes all
   * shows by `fencedWrites` what a service without fencing does.
   *
   * @default false
   */
  readonly fenced?: boolean | undefined;
}

/** Something that was written to a resource. */
export interface ResourceWrite {
  readonly name: string;
  readonly at: number;
  readonly token: bigint;
}

/**
 * What a lock protects, for tests: it remembers who wrote, by the fencing token. Made by
 * `history.resource(name)`; call `write` where what the service writes arrives.
 */
export class Resource {
  /** The name of the lock that protects it. */
  readonly name: string;
  readonly #fence: Fence | undefined;
  readonly #onWrite: (token: bigint) => void;

  /** @internal */
  constructor(name: string, fenced: boolean, onWrite: (token: bigint) => void) {
    this.name = name;
    this.#fence = fenced ? new Fence() : undefined;
    this.#onWrite = onWrite;
  }

  /**
   * Takes a write of whoever holds the lock with `token`.
   *
   * @throws {StaleTokenError} when it is fenced, and has seen a larger token. Nothing is remembered.
   * @throws {InvalidOptionError} when it is no token.
   */
  write(token: FencingToken): void {
    this.#onWrite((this.#fence ?? new Fence()).check(this.name, token));
  }
}
