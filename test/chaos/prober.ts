import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "../../src/connect.ts";
import type { Locks } from "../../src/locks.ts";

/** A lock that was taken and released, as a sign that all works. */
export interface Probe {
  readonly by: number;
  readonly startedAt: number;
  readonly endedAt: number;
}

const everyMs = 15;
const probers = 3;
// No smaller than what clients have.
const ttlMs = 5_000;

/** Takes and releases a lock all the time, by ways that nobody disturbs, to see when that works. */
export class Prober {
  readonly probes: Probe[] = [];
  readonly #now: () => number;
  readonly #over = new AbortController();
  readonly #clients: readonly Locks[];
  readonly #probing: Promise<unknown>;

  private constructor(clients: readonly Locks[], now: () => number) {
    this.#clients = clients;
    this.#now = now;
    this.#probing = Promise.all(clients.map((locks, by) => this.#probe(locks, by)));
  }

  static async start(endpoints: readonly string[], now: () => number): Promise<Prober> {
    const clients = Array.from({ length: probers }, () =>
      connect(endpoints, { ttlMs, namespace: "probe/" }),
    );
    return new Prober(await Promise.all(clients), now);
  }

  /** Stops, and leaves nothing behind. */
  async close(): Promise<void> {
    this.#over.abort();
    await this.#probing;
    await Promise.all(this.#clients.map((locks) => locks.close()));
  }

  async #probe(locks: Locks, by: number): Promise<void> {
    while (!this.#over.signal.aborted) {
      const startedAt = this.#now();
      try {
        const hold = await locks.acquire(`probe-${by}`);
        await hold.release();
        this.probes.push({ by, startedAt, endedAt: this.#now() });
      } catch {
        // That is what it is there to find out: there is no probe of this time.
      }
      await sleep(everyMs);
    }
  }
}
