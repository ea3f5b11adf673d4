import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "../../../src/connect.ts";
import { lockKey } from "../../../src/core/keys.ts";
import type { Etcd } from "../../../src/etcd/api.ts";
import type { Locks } from "../../../src/locks.ts";
import { entriesBelow } from "../keys.ts";
import { type Cut, CuttingProxy, type Passage } from "./cutting-proxy.ts";
import type { Operation, Stage } from "./operations.ts";

/** A cut of one operation. */
interface Trial {
  readonly operation: Operation;
  readonly cut: Cut;
}

/** What is to be cut. */
export interface SweepOptions {
  readonly unit: Cut["unit"];
  readonly kind: Cut["kind"];
  /** Every how many of them. @default 1 */
  readonly stride?: number;
  /** Which of the first so many, where not each has its turn. @default 0 */
  readonly offset?: number;
}

/** What a sweep came to. */
export interface Sweep {
  /** How many exchanges were broken off. */
  readonly cuts: number;
  /** What went wrong, with the cut that did it. */
  readonly failures: readonly string[];
}

const nextMs = 10_000;

/** A client behind a proxy of its own, which tries one cut after the other. */
class Lane {
  readonly #proxy: CuttingProxy;
  readonly #stage: Omit<Stage, "name">;
  readonly #prefix: string;
  #names = 0;

  constructor(proxy: CuttingProxy, stage: Omit<Stage, "name">, prefix: string) {
    this.#proxy = proxy;
    this.#stage = stage;
    this.#prefix = prefix;
  }

  /** Does it once, with a cut or without. */
  async attempt(operation: Operation, cut?: Cut): Promise<Passage> {
    const name = `${this.#prefix}-${this.#names++}`;
    const stage = { ...this.#stage, name };
    const act = await operation.prepare(stage);
    this.#proxy.arm(cut);
    let settle: () => Promise<unknown>;
    let passage: Passage;
    try {
      settle = await act();
    } finally {
      // What was held comes now, too late.
      passage = this.#proxy.disarm();
    }
    await settle();
    await this.#nothingLeft(name);
    return passage;
  }

  /** Nobody stands there any more, and the next one gets in. */
  async #nothingLeft(name: string): Promise<void> {
    const { etcd, others } = this.#stage;
    const below = lockKey(others.namespace, name);
    const giveUpAt = performance.now() + nextMs;
    for (;;) {
      const left = await entriesBelow(etcd, below);
      if (left.length === 0) break;
      if (performance.now() > giveUpAt)
        throw new Error(`left behind: ${left.map(({ key }) => key)}`);
      await sleep(5);
    }
    const next = await others.tryAcquire(name);
    if (!next) throw new Error("the next one does not get in");
    await next.release();
  }
}

/** Breaks off exchanges with a server, and finds out what becomes of them. */
export class Sweeper {
  readonly #lanes: readonly Lane[];
  readonly #ends: readonly (() => Promise<unknown>)[];

  private constructor(lanes: readonly Lane[], ends: readonly (() => Promise<unknown>)[]) {
    this.#lanes = lanes;
    this.#ends = ends;
  }

  /** `etcd` leads to the same server by a way that is never cut. */
  static async start(endpoint: string, etcd: Etcd, laneCount: number): Promise<Sweeper> {
    const others = await connect({ store: etcd, namespace: "cuts/", ttlMs: 60_000 });
    const ends: (() => Promise<unknown>)[] = [() => others.close()];
    const lanes = await Promise.all(
      Array.from({ length: laneCount }, async (_, index) => {
        const proxy = await CuttingProxy.start(endpoint);
        const locks: Locks = await connect(proxy.endpoint, {
          namespace: "cuts/",
          ttlMs: 60_000,
          callTimeoutMs: 10_000,
        });
        ends.push(async () => {
          await locks.close();
          await proxy.stop();
        });
        return new Lane(proxy, { locks, others, etcd }, `lane${index}`);
      }),
    );
    return new Sweeper(lanes, ends);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#ends.map((end) => end()));
  }

  /** Cuts each operation everywhere, and behind its end, to see that this was everywhere. */
  async sweep(operations: readonly Operation[], options: SweepOptions): Promise<Sweep> {
    const [first] = this.#lanes as [Lane];
    const trials: Trial[] = [];
    for (const operation of operations) {
      // The first one of a connection says in full what the next ones abbreviate.
      await first.attempt(operation);
      const { [options.unit]: length } = await first.attempt(operation);
      const { stride = 1, offset = 0, unit, kind } = options;
      for (const direction of ["request", "response"] as const) {
        for (let after = offset % stride; after <= length[direction]; after += stride) {
          trials.push({ operation, cut: { direction, after, unit, kind } });
        }
      }
    }
    let cuts = 0;
    const failures: string[] = [];
    const isBroken = (): boolean => failures.length >= 10;
    await Promise.all(
      this.#lanes.map(async (lane) => {
        for (let trial = trials.pop(); trial && !isBroken(); trial = trials.pop()) {
          const { operation, cut } = trial;
          try {
            const { isCut } = await lane.attempt(operation, cut);
            if (isCut) cuts += 1;
          } catch (error) {
            const where = `${cut.kind} after ${cut.after} ${cut.unit} of the ${cut.direction}`;
            failures.push(`${operation.title}, ${where}: ${error}`);
          }
        }
      }),
    );
    return { cuts, failures };
  }
}
