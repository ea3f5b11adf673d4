import { setTimeout as sleep } from "node:timers/promises";
import type { EventLog } from "./event-log.ts";
import type { DemoEvent } from "./events.ts";
import type { Launcher, ReplicaHandle } from "./launch-replica.ts";

export type Strike = "kill" | "pause";

export interface Direction {
  readonly replicas: readonly string[];
  readonly strikes: readonly Strike[];
  /** The TTL that the store grants: a pause has to be longer. */
  readonly ttlMs: number;
  readonly signal: AbortSignal;
}

// How long everybody takes turns in peace before each strike.
const calmMs = 750;
// How much longer than a TTL a pause is. Etcd needs up to half a second to notice.
const beyondTtlMs = 1_000;
// Far longer than any hand-over takes.
const patienceMs = 10_000;
// A replica thinks for 40 ms or more: this is in the middle of it.
const intoThoughtMs = 10;

/** Starts the replicas, strikes some of them in mid-hold, and ends them. */
export class Director {
  readonly #launch: Launcher;
  readonly #log: EventLog;
  readonly #running = new Map<string, ReplicaHandle>();
  readonly #lives = new Map<string, number>();
  readonly #failure = new AbortController();

  constructor(launch: Launcher, log: EventLog) {
    this.#launch = launch;
    this.#log = log;
  }

  /**
   * Runs the whole plan. Whatever it ends with, no replica is left.
   *
   * @throws what ended a replica that should go on, and the signal's reason.
   */
  async run({ replicas, strikes, ttlMs, signal }: Direction): Promise<void> {
    const stop = AbortSignal.any([signal, this.#failure.signal]);
    try {
      for (const replica of replicas) this.#start(replica);
      await this.#allHaveUpdated(replicas, stop);
      let last: string | undefined;
      for (const strike of strikes) {
        await sleep(calmMs, undefined, { signal: stop });
        last = await this.#strike(strike, ttlMs, last, stop);
      }
      await sleep(calmMs, undefined, { signal: stop });
    } catch (error) {
      throw stop.aborted ? stop.reason : error;
    } finally {
      await Promise.all([...this.#running].map(([replica, handle]) => this.#stop(replica, handle)));
    }
  }

  async #strike(
    strike: Strike,
    ttlMs: number,
    sparing: string | undefined,
    stop: AbortSignal,
  ): Promise<string> {
    const { replica, handle } = await this.#findThinker(sparing, stop);
    const handOver = this.#log.next(isHoldOfAnother(replica), 3 * ttlMs, stop);
    if (strike === "kill") {
      this.#log.add(replica, { kind: "killed" });
      this.#running.delete(replica);
      await Promise.all([handle.kill(), handOver]);
      this.#start(replica);
      return replica;
    }
    this.#log.add(replica, { kind: "paused" });
    handle.pause();
    await Promise.all([handOver, sleep(ttlMs + beyondTtlMs, undefined, { signal: stop })]);
    const wokenUp = this.#log.next((event) => isWakeUp(event, replica), ttlMs, stop);
    this.#log.add(replica, { kind: "resumed" });
    handle.resume();
    await wokenUp;
    return replica;
  }

  /** Waits for a replica that has read the ledger and not yet written, other than `sparing`. */
  async #findThinker(
    sparing: string | undefined,
    stop: AbortSignal,
  ): Promise<{ replica: string; handle: ReplicaHandle }> {
    for (;;) {
      const thinks = await this.#soon(
        ({ kind, replica }) => kind === "thinking" && replica !== sparing,
        stop,
      );
      await sleep(intoThoughtMs, undefined, { signal: stop });
      const handle = this.#running.get(thinks.replica);
      // On a busy machine it may be over it by now.
      if (handle && this.#log.progress.replicas.get(thinks.replica)?.state === "holding") {
        return { replica: thinks.replica, handle };
      }
    }
  }

  /** Until then some are still starting, and there is little to see. */
  async #allHaveUpdated(replicas: readonly string[], stop: AbortSignal): Promise<void> {
    const { progress } = this.#log;
    const missing = replicas.filter((name) => !progress.replicas.get(name)?.updates);
    if (missing.length === 0) return;
    await this.#soon(({ kind }) => kind === "updated", stop);
    await this.#allHaveUpdated(replicas, stop);
  }

  async #soon(matches: (event: DemoEvent) => boolean, stop: AbortSignal): Promise<DemoEvent> {
    const event = await this.#log.next(matches, patienceMs, stop);
    if (event) return event;
    const trouble = this.#log.progress.troubles.at(-1) ?? "nobody said why";
    throw new Error(`No replica has got on for ${patienceMs / 1_000} s: ${trouble}`);
  }

  #start(replica: string): void {
    const life = (this.#lives.get(replica) ?? 0) + 1;
    this.#lives.set(replica, life);
    this.#log.add(replica, { kind: "started" });
    const handle = this.#launch({
      id: life === 1 ? replica : `${replica}.life-${life}`,
      // What a dead replica said before it died may be heard after that.
      onEvent: (event) => this.#log.add(replica, event),
      onFailure: (error) => this.#failure.abort(error),
    });
    this.#running.set(replica, handle);
  }

  async #stop(replica: string, handle: ReplicaHandle): Promise<void> {
    await handle.stop();
    this.#log.add(replica, { kind: "stopped" });
  }
}

function isHoldOfAnother(replica: string): (event: DemoEvent) => boolean {
  return (event) => event.kind === "holding" && event.replica !== replica;
}

/** The first thing to be heard of what came of its belief. */
function isWakeUp({ kind, replica }: DemoEvent, woken: string): boolean {
  return replica === woken && (kind === "lost" || kind === "released");
}
