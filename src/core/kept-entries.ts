import type { RequestOp } from "../etcd/api.ts";
import { onAbort } from "../signals.ts";
import type { Hold } from "./hold.ts";
import { bytesOf } from "./keys.ts";
import type { GrantedLease } from "./lease-keeper.ts";
import type { Waiting } from "./requester.ts";
import { endLease, grantLease, type Leases } from "./unrenewed-lease.ts";

/** Where they are kept: a client, or a session of it, and the signal that aborts when it is being closed. */
export interface Keeping extends Leases {
  readonly closed: AbortSignal;
}

/**
 * Entries that keep others out of some queues beside those of a hold: they stand on a lease of their
 * own, and so outlast it, also when the process dies.
 */
export class KeptEntries {
  readonly keys: readonly string[];
  readonly #keeping: Keeping;
  readonly #value: Uint8Array;
  /** What they stand on; several, while etcd has not said which. */
  #leases: readonly bigint[] = [];
  readonly #everLeases = new Set<bigint>();
  #isOver = false;

  constructor(keeping: Keeping, keys: readonly string[], value: Uint8Array) {
    this.#keeping = keeping;
    this.keys = keys;
    this.#value = value;
  }

  /** The lease that they are to stand on, 0 before there is one. */
  get lease(): bigint {
    return this.#leases.at(-1) ?? 0n;
  }

  /** What they may stand on. */
  get leases(): readonly bigint[] {
    return this.#leases;
  }

  /** Whether they stand on a lease, or may have. */
  isOwn(lease: bigint): boolean {
    return this.#everLeases.has(lease);
  }

  /** Whether they have been taken away. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What puts them into their queues. */
  get puts(): readonly RequestOp[] {
    const { lease } = this;
    return this.keys.map((key) => ({
      op: "put",
      request: { key: bytesOf(key), value: this.#value, lease },
    }));
  }

  /** Grants a lease for them, on which they can stand for `ms`. */
  async grant(ms: number, waiting: Waiting = {}): Promise<GrantedLease> {
    const granted = await grantLease(this.#keeping, ms, waiting);
    this.#everLeases.add(granted.id);
    // Without an answer to what is to move them there, they may stand on either.
    if (!this.#isOver) this.#leases = [...this.#leases, granted.id];
    else void endLease(this.#keeping, granted.id);
    return granted;
  }

  /** They stand on this lease, and on no other one. */
  standsOn(lease: bigint): void {
    const unused = this.#leases.filter((each) => each !== lease);
    this.#leases = [lease];
    for (const each of unused) void endLease(this.#keeping, each);
  }

  /** Lets them stand for `ms` from now on, if the hold is still ours. */
  async renew(hold: Hold, ms: number): Promise<void> {
    const { place } = hold;
    const before = this.lease;
    const { id } = await this.grant(ms);
    const { succeeded } = await place.session.commit(() => ({
      compare: place.guard,
      success: this.puts,
      otherwise: [],
    }));
    // What was to follow is not ours to say any more, but what was before is not over.
    this.standsOn(succeeded ? id : before);
  }

  /**
   * Takes them away at a time. If the client is closed before, of which `onClosed` hears, or the
   * process dies, their lease ends by itself.
   */
  endAt(at: number, onClosed: () => void = () => {}): void {
    const { closed, options } = this.#keeping;
    const { clock } = options;
    const cancel = clock.setTimer(
      Math.max(0, at - clock.now()),
      () => {
        stopListening();
        void this.end();
      },
      { keepsProcessAlive: false },
    );
    const stopListening = onAbort(closed, () => {
      cancel();
      onClosed();
    });
  }

  /** Takes them away. Resolves when that was answered, or will not be. */
  async end(): Promise<void> {
    this.#isOver = true;
    const leases = this.#leases;
    this.#leases = [];
    await Promise.all(leases.map((lease) => endLease(this.#keeping, lease)));
  }
}
