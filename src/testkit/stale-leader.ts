import type { LeaseKeepAliveResponse, ResponseHeader } from "../etcd/api.ts";

/** A lease as a leader knows it. */
export interface KnownLease {
  readonly id: bigint;
  /** What was granted, in seconds. */
  readonly ttl: bigint;
  /** When it ends, by the clock of the world. */
  readonly expiresAt: number;
}

/** A leader that has stalled, and what it knows: all as it was when it did. */
export class StaleLeader {
  /** Which member it is. */
  readonly member: number;
  readonly #leases: ReadonlyMap<bigint, KnownLease>;
  readonly #raftTerm: bigint;
  #isDeposed = false;

  constructor(member: number, leases: readonly KnownLease[], raftTerm: bigint) {
    this.member = member;
    this.#leases = new Map(leases.map((lease) => [lease.id, lease]));
    this.#raftTerm = raftTerm;
  }

  /** Whether another leader has been elected since. */
  get isDeposed(): boolean {
    return this.#isDeposed;
  }

  /** Another leader was elected. */
  depose(): void {
    this.#isDeposed = true;
  }

  /** What it answers to a keepalive in its queue when it goes on: as if it still led. */
  answer(header: ResponseHeader, id: bigint): LeaseKeepAliveResponse {
    return {
      header: { ...header, raftTerm: this.#raftTerm },
      ttl: this.#leases.get(id)?.ttl ?? 0n,
    };
  }

  /** The leases that are over by what it knows. */
  overdue(now: number): readonly bigint[] {
    return [...this.#leases.values()]
      .filter(({ expiresAt }) => expiresAt <= now)
      .map(({ id }) => id);
  }
}
