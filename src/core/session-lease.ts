import type { LossReason } from "../errors.ts";
import type { ResponseOp } from "../etcd/api.ts";
import { bytesOf } from "./keys.ts";
import type { GrantedLease, Keeper } from "./lease-keeper.ts";
import { leaveLease } from "./leave-lease.ts";
import { sessionValue, standingOn, withoutDelay } from "./open-lease.ts";
import { ownRange } from "./revocation.ts";
import { rollOn } from "./roll-on.ts";
import { rollRequests } from "./roll-requests.ts";
import type { Loss, Session } from "./session.ts";
import { SessionGoneError } from "./session-gone-error.ts";
import { steadyWatch } from "./steady-watch.ts";
import { throughConsensus } from "./through-consensus.ts";
import type { Standing, Transactor } from "./transactor.ts";
import { endLease, grantLease } from "./unrenewed-lease.ts";

/** A session's time on one lease. */
interface Tenure extends Standing {
  readonly keeper: Keeper;
  /** Stops watching the session's key. */
  readonly unwatch: () => void;
}

/**
 * The lease that everything of a session hangs on: it is renewed, and the session's key on it watched.
 *
 * When etcd has another leader, the session moves to a fresh lease, with all its keys: a leader that
 * was only stopped removes, when it goes on, the leases that it has heard nothing of meanwhile, though
 * they were renewed with its successor (measured: 34 to 98 % of them). Of the fresh one it knows
 * nothing yet.
 */
export class SessionLease {
  readonly #session: Session;
  readonly #transactor: Transactor;
  readonly #onLost: (loss: Loss) => void;
  /** Aborts when it is lost. */
  readonly #over = new AbortController();
  /** The keys of entries that are to go along. */
  readonly #entryKeys = new Set<string>();
  /** All leases that the session ever had. */
  readonly #leases = new Set<bigint>();
  #tenure: Tenure;
  /** The one before, until all that hung on its lease has moved. */
  #former: Tenure | undefined;
  #isRolling = false;

  constructor(
    session: Session,
    transactor: Transactor,
    { lease, standing }: { readonly lease: GrantedLease; readonly standing: Standing },
    onLost: (loss: Loss) => void,
  ) {
    this.#session = session;
    this.#transactor = transactor;
    this.#onLost = onLost;
    this.#leases.add(lease.id);
    this.#tenure = this.#begin(standing, this.#keep(lease));
    session.terms.onRise(() => this.#roll());
    this.#roll();
  }

  /** Where the session stands now. */
  get standing(): Standing {
    return this.#tenure;
  }

  /** Whether the session has a lease, or had it. */
  isOwn(lease: bigint): boolean {
    return this.#leases.has(lease);
  }

  /** Whether it can no longer be relied on. It looks at the clock, and does not wait for a timer. */
  get lost(): boolean {
    const isLost = this.#tenure.keeper.lost || this.#former?.keeper.lost;
    return isLost || this.#over.signal.aborted;
  }

  /** When it ends for us, by the clock, unless it is renewed before. */
  get expiresAt(): number {
    const { keeper } = this.#tenure;
    return Math.min(keeper.expiresAt, this.#former?.keeper.expiresAt ?? keeper.expiresAt);
  }

  /** An entry hangs on it from now on. */
  carry(keys: readonly string[]): void {
    for (const key of keys) this.#entryKeys.add(key);
  }

  /** An entry is gone, or may go with a lease. */
  drop(keys: readonly string[]): void {
    for (const key of keys) this.#entryKeys.delete(key);
  }

  /** Gives it up for lost. Only the first call counts. */
  lose(reason: LossReason, cause?: unknown): void {
    this.#tenure.keeper.lose(reason, cause);
  }

  /** Stops relying on it, and renewing it. Resolves with the leases that are to be ended then. */
  async close(): Promise<readonly bigint[]> {
    const tenures = [this.#tenure, ...(this.#former ? [this.#former] : [])];
    this.lose("closed");
    await Promise.all(tenures.map(({ keeper }) => keeper.close()));
    return [...new Set([...tenures, this.#tenure].map(({ lease }) => lease))];
  }

  #keep(lease: GrantedLease): Keeper {
    return this.#session.keepAlive(lease, (reason, cause) => this.#end({ reason, cause }));
  }

  #end(loss: Loss): void {
    if (this.#over.signal.aborted) return;
    this.#onLost(loss);
    this.#over.abort(new SessionGoneError());
    for (const tenure of [this.#tenure, this.#former]) {
      tenure?.keeper.lose(loss.reason, loss.cause);
      tenure?.unwatch();
    }
  }

  /** Begins to rely on a lease: what happens to the session's key on it is heard from now on. */
  #begin(standing: Standing, keeper: Keeper): Tenure {
    const { etcd, options, revocations } = this.#session;
    const { key, lease } = standing;
    const range = ownRange(key);
    // While the session moves, that finds out whether the key was there still.
    const isDecisive = (): boolean => this.standing.lease === lease && !this.#transactor.moving;
    const confirm = async (): Promise<void> => {
      const { succeeded, responses } = await this.#session.ask({
        compare: [{ key, target: "lease", result: "equal", operand: lease }],
        success: [{ op: "range", request: range }],
        failure: [throughConsensus(key)],
      });
      if (succeeded) this.#hear(responses);
      else if (isDecisive()) this.lose("revoked");
    };
    const watch = steadyWatch(etcd, options.clock, range, {
      // Whatever the watch missed, a lost session among it, this finds out. If nobody
      // answers, the deadline of the lease decides.
      onStanding: () => void confirm().catch(() => {}),
      onEvents: (events) => {
        for (const { type, kv } of events) {
          const isOwn = Buffer.compare(kv.key, key) === 0;
          if (!isOwn) revocations.hear(kv, type);
          else if (type === "delete" && isDecisive()) this.lose("revoked");
          else if (type === "put" && kv.lease !== lease) this.lose("overwritten");
        }
      },
    });
    return { key, lease, keeper, unwatch: () => watch.close() };
  }

  /** Moves to a fresh lease, and to another one, for as long as etcd has a later leader than ours. */
  #roll(): void {
    const { terms } = this.#session;
    const isDue = (): boolean => !this.lost && terms.highest > this.#tenure.keeper.raftTerm;
    if (this.#isRolling || !isDue()) return;
    this.#isRolling = true;
    const rolling = rollOn({
      isDue,
      roll: () => this.#rollOnce(),
      rest: (ms) => this.#session.rest(ms),
    });
    void this.#session.track(rolling).then((isDone) => {
      this.#isRolling = false;
      if (isDone) this.#roll();
    });
  }

  async #rollOnce(): Promise<void> {
    const { options } = this.#session;
    const { ttlMs, lockDelayMs } = options;
    const { signal } = this.#over;
    const from = this.#tenure;
    const granted = await grantLease(this.#session, ttlMs + lockDelayMs, { signal });
    const to = standingOn(options, granted.id);
    this.#leases.add(to.lease);
    const keeper = this.#keep(withoutDelay(granted, lockDelayMs));
    try {
      const keys = [...this.#entryKeys].map(bytesOf);
      const requests = rollRequests(from, to, sessionValue(options), keys);
      const onMoved = (responses: readonly ResponseOp[]): void => {
        // It may have been lost, or closed, while that was under way.
        signal.throwIfAborted();
        if (this.#tenure === from) {
          this.#former = from;
          this.#tenure = this.#begin(to, keeper);
        }
        this.#hear(responses);
      };
      await this.#transactor.moveTo(to, requests, onMoved, signal);
    } catch (error) {
      void keeper.close();
      // What was lost in mid-move may hang there, and is to keep others out for that long.
      if (!signal.aborted || lockDelayMs === 0) void endLease(this.#session, to.lease);
      if (error instanceof SessionGoneError) this.lose("revoked");
      throw error;
    }
    this.#former = undefined;
    from.unwatch();
    await from.keeper.close();
    await leaveLease(this.#session, from, to, signal);
  }

  /** Others may want back what is held here. */
  #hear(responses: readonly ResponseOp[]): void {
    for (const each of responses) {
      for (const kv of each.op === "range" ? each.response.kvs : []) {
        this.#session.revocations.hear(kv);
      }
    }
  }
}
