import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "../../../src/connect.ts";
import { lockKey } from "../../../src/core/keys.ts";
import { StoreUnavailableError } from "../../../src/errors.ts";
import type { Etcd } from "../../../src/etcd/api.ts";
import type { Locks } from "../../../src/locks.ts";
import { entriesBelow, textsOf } from "../keys.ts";
import { type Cut, CuttingProxy, type Passage } from "./cutting-proxy.ts";
import type { Check, Operation, Stage } from "./stage.ts";

// What nobody takes away stands there for longer than anybody here waits.
const ttlMs = 60_000;
const patientMs = 15_000;
// All of them connect at about the same time. A connection whose opening is held is given up while
// there is time for another.
const connectTimeoutMs = 5_000;
const leftMs = 10_000;
// What asks again without end, or waits for nothing, is told from what is slow.
const overMs = 30_000;

/** What a lane runs on. */
export interface LaneOptions {
  /** Where the server is. */
  readonly endpoint: string;
  /** A way to the same server that is never cut, and a client that goes it. */
  readonly etcd: Etcd;
  readonly others: Locks;
  /** What the names begin with that it uses up. */
  readonly prefix: string;
  /**
   * How long a call goes on asking, if it is not to do so until it has an answer: whoever called it
   * asks again then.
   */
  readonly hastyMs?: number | undefined;
}

/** A client behind a proxy of its own, which tries one cut after the other. */
export class Lane {
  readonly #options: LaneOptions;
  readonly #proxy: CuttingProxy;
  readonly #locks: Locks;
  #names = 0;

  private constructor(options: LaneOptions, proxy: CuttingProxy, locks: Locks) {
    this.#options = options;
    this.#proxy = proxy;
    this.#locks = locks;
  }

  static async open(options: LaneOptions): Promise<Lane> {
    const { namespace } = options.others;
    const proxy = await CuttingProxy.start(options.endpoint);
    const callTimeoutMs = options.hastyMs ?? patientMs;
    const locks = await connect(proxy.endpoint, {
      namespace,
      ttlMs,
      callTimeoutMs,
      connectTimeoutMs,
    });
    return new Lane(options, proxy, locks);
  }

  async close(): Promise<void> {
    await this.#locks.close();
    await this.#proxy.stop();
  }

  /** Does it once, with a cut or without, and looks at what it came to. */
  async attempt(operation: Operation, cut?: Cut): Promise<Passage> {
    for (let again = this.#options.hastyMs === undefined ? 0 : 3; ; again--) {
      try {
        return await inTime(this.#attempt(operation, cut));
      } catch (error) {
        // Who is in a hurry may find a busy machine too slow, before the cut or behind it.
        if (again === 0 || !(error instanceof StoreUnavailableError)) throw error;
      }
    }
  }

  async #attempt(operation: Operation, cut: Cut | undefined): Promise<Passage> {
    const { etcd, others, prefix } = this.#options;
    const name = `${prefix}-${this.#names++}`;
    const namespace = `${lockKey(others.namespace, name)}/`;
    const options = { namespace, ttlMs, callTimeoutMs: patientMs, connectTimeoutMs };
    const stage: Stage = {
      ...{ locks: this.#locks, others, etcd, name },
      connect: (own) => connect(this.#proxy.endpoint, { ...options, ...own }),
    };
    const act = await operation.prepare(stage);
    this.#proxy.arm(cut);
    let check: Check | undefined;
    let passage: Passage;
    try {
      check = await this.#ask(act);
    } finally {
      // What was held comes now, too late.
      passage = this.#proxy.disarm();
    }
    while (!check && !operation.isFinal) check = await this.#ask(act);
    await check?.();
    await this.#nothingLeft(name);
    return passage;
  }

  /** Resolves with nothing when there was no answer in the little time there was. */
  async #ask(act: () => Promise<Check>): Promise<Check | undefined> {
    try {
      return await act();
    } catch (error) {
      const { hastyMs } = this.#options;
      if (hastyMs === undefined || !(error instanceof StoreUnavailableError)) throw error;
      return undefined;
    }
  }

  /** Nobody stands there any more, and the next one gets in. */
  async #nothingLeft(name: string): Promise<void> {
    const { etcd, others } = this.#options;
    const below = lockKey(others.namespace, name);
    const giveUpAt = performance.now() + leftMs;
    for (let pauseMs = 5; ; pauseMs = Math.min(2 * pauseMs, 200)) {
      const left = await entriesBelow(etcd, below);
      if (left.length === 0) break;
      if (performance.now() > giveUpAt) throw new Error(`left behind: ${textsOf(left)}`);
      await sleep(pauseMs);
    }
    const next = await others.tryAcquire(name);
    if (!next) throw new Error("the next one does not get in");
    await next.release();
  }
}

async function inTime<T>(attempt: Promise<T>): Promise<T> {
  const over = new AbortController();
  const tooLong = sleep(overMs, undefined, { signal: over.signal, ref: false }).then(() => {
    throw new Error(`not over after ${overMs} ms`);
  });
  tooLong.catch(() => {});
  try {
    return await Promise.race([attempt, tooLong]);
  } finally {
    over.abort();
  }
}
