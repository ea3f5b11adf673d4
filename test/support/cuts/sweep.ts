import { connect } from "../../../src/connect.ts";
import type { Etcd } from "../../../src/etcd/api.ts";
import type { Locks } from "../../../src/locks.ts";
import type { CourseOptions } from "./course.ts";
import { Lane } from "./lane.ts";
import { OperationSweep } from "./operation-sweep.ts";
import type { Operation } from "./stage.ts";

/** What is to be cut, and who hears of each cut that was tried. */
export interface SweepOptions extends CourseOptions {
  readonly onTried?: () => void;
}

/** What a sweep came to. */
export interface Sweep {
  /** How many exchanges were broken off, of each operation. */
  readonly cutsOf: ReadonlyMap<Operation, number>;
  /** What went wrong, with the cut that did it. */
  readonly failures: readonly string[];
}

// Where it goes wrong everywhere, a few say as much as all.
const failuresMax = 10;

/** Breaks off exchanges with a server, and finds out what becomes of them. */
export class Sweeper {
  readonly #others: Locks;
  readonly #lanes: readonly Lane[];

  private constructor(others: Locks, lanes: readonly Lane[]) {
    this.#others = others;
    this.#lanes = lanes;
  }

  /**
   * `etcd` leads to the same server by a way that is never cut. With `hastyMs`, calls go on asking
   * for no longer than that, and are made again by whoever made them.
   */
  static async start(
    endpoint: string,
    etcd: Etcd,
    { lanes: count, hastyMs }: { readonly lanes: number; readonly hastyMs?: number },
  ): Promise<Sweeper> {
    const others = await connect({ store: etcd, namespace: "cuts/", ttlMs: 60_000 });
    const word = hastyMs === undefined ? "lane" : "hasty";
    const lanes: Lane[] = [];
    for (let index = 0; index < count; index++) {
      lanes.push(await Lane.open({ endpoint, etcd, others, prefix: `${word}${index}`, hastyMs }));
    }
    return new Sweeper(others, lanes);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close()));
    await this.#others.close();
  }

  /** Cuts each operation everywhere, and behind its end, to see that this was everywhere. */
  async sweep(
    operations: readonly Operation[],
    { onTried, ...options }: SweepOptions,
  ): Promise<Sweep> {
    const unmeasured = [...operations];
    const sweeps: OperationSweep[] = [];
    await this.#onEachLane(async (lane) => {
      for (let next = unmeasured.shift(); next; next = unmeasured.shift()) {
        sweeps.push(await OperationSweep.measure(lane, next, options));
      }
    });
    const failures = () => sweeps.flatMap((sweep) => sweep.failures);
    const left = [...sweeps];
    await this.#onEachLane(async (lane) => {
      // One after another has its turn: some of them wait more than they work.
      for (let next = left.shift(); next && failures().length < failuresMax; next = left.shift()) {
        const trying = next.tryNext(lane);
        if (next.hasNext) left.push(next);
        await trying;
        onTried?.();
        // Where the end was thought to be there was more to cut.
        if (next.hasNext && !left.includes(next)) left.push(next);
      }
    });
    const cutsOf = new Map(sweeps.map(({ operation, cuts }) => [operation, cuts]));
    return { cutsOf, failures: failures() };
  }

  async #onEachLane(work: (lane: Lane) => Promise<void>): Promise<void> {
    await Promise.all(this.#lanes.map(work));
  }
}
