import type { RequestOp } from "../etcd/api.ts";
import { onAbort } from "../signals.ts";
import type { Hold } from "./hold.ts";
import { bytesOf } from "./keys.ts";
import { infixOf } from "./mode.ts";
import type { Sessions } from "./sessions.ts";
import { endLease, grantLease } from "./unrenewed-lease.ts";

/** The entry by which `once` keeps others out until a tick is over, also when the process dies. */
export class KeptEntry {
  readonly #sessions: Sessions;
  readonly #key: Uint8Array;
  readonly #value: Uint8Array;
  /** What it stands on; several, while etcd has not said which. */
  #leases: readonly bigint[];

  private constructor(sessions: Sessions, prefix: string, value: Uint8Array, lease: bigint) {
    this.#sessions = sessions;
    this.#key = bytesOf(`${prefix}${infixOf({ kind: "kept" })}${lease.toString(16)}`);
    this.#value = value;
    this.#leases = [lease];
  }

  /** Opens a lease for one that is to stand for `ms`. It stands there once `put` is carried out. */
  static async open(
    sessions: Sessions,
    prefix: string,
    value: Uint8Array,
    ms: number,
    signal: AbortSignal | undefined,
  ): Promise<KeptEntry> {
    const lease = await grantLease(sessions, ms, { signal });
    return new KeptEntry(sessions, prefix, value, lease);
  }

  /** What puts it into its queue. */
  get put(): RequestOp {
    return this.#putOn(this.#leases[0] ?? 0n);
  }

  /** Lets it stand for `ms` from now on, if the hold is still ours. */
  async renew(hold: Hold, ms: number): Promise<void> {
    const { session, guard } = hold.place;
    const before = this.#leases;
    const lease = await grantLease(this.#sessions, ms);
    // Without an answer it may stand on either.
    this.#leases = [...before, lease];
    const { succeeded } = await session.commit({
      compare: guard,
      success: [this.#putOn(lease)],
      otherwise: [],
    });
    // What was to follow is not ours to say any more, but the tick is not over.
    const [kept, unused] = succeeded ? [[lease], before] : [before, [lease]];
    this.#leases = kept;
    for (const each of unused) endLease(this.#sessions, each);
  }

  /** Takes it away when the tick is over. If we are not there any more then, its lease ends by itself. */
  endAt(at: number): void {
    const { closed, options } = this.#sessions;
    const { clock } = options;
    const cancel = clock.setTimer(
      Math.max(0, at - clock.now()),
      () => {
        stopListening();
        this.end();
      },
      { keepsProcessAlive: false },
    );
    const stopListening = onAbort(closed, cancel);
  }

  /** Takes it away. */
  end(): void {
    for (const lease of this.#leases) endLease(this.#sessions, lease);
  }

  #putOn(lease: bigint): RequestOp {
    return { op: "put", request: { key: this.#key, value: this.#value, lease } };
  }
}
