import { Worker } from "node:worker_threads";
import { systemClock } from "../clock.ts";
import {
  type GrantedLease,
  type Keeper,
  LeaseKeeper,
  type OnLost,
  takenOver,
} from "../core/lease-keeper.ts";
import type { Terms } from "../core/terms.ts";
import { quorumWrite } from "../core/through-consensus.ts";
import type { Etcd } from "../etcd/api.ts";
import type { FromThread, ThreadData, ToThread } from "./messages.ts";
import { SharedTime } from "./shared-time.ts";
import { ThreadKeeper } from "./thread-keeper.ts";

// How long the end of a process may be held up by an etcd that does not answer.
const endMs = 500;

/** What the thread renews leases for, and how it gets to etcd. */
export interface KeepAliveThreadOptions
  extends Pick<ThreadData, "etcd" | "namespace" | "strict" | "stallMs"> {
  /** What this thread asks, should the other one die. */
  readonly ownEtcd: Etcd;
}

/**
 * A thread that renews leases over a connection of its own, so that they live while this thread
 * computes; but not for longer than `stallMs` without a sign of life from it. It keeps no process alive.
 * If it dies, this thread renews them itself.
 */
export class KeepAliveThread {
  readonly #options: KeepAliveThreadOptions;
  readonly #worker: Worker;
  readonly #alive = new SharedTime();
  readonly #ended = new Int32Array(new SharedArrayBuffer(4));
  readonly #keepers = new Map<bigint, ThreadKeeper>();
  /** What the session of now knows of leaders. */
  #terms: Terms | undefined;
  readonly #heartbeat: NodeJS.Timeout;
  #isDead = false;
  #onReady: () => void = () => {};

  /** Starts the thread. Resolves when it runs. */
  static async start(options: KeepAliveThreadOptions): Promise<KeepAliveThread> {
    const thread = new KeepAliveThread(options);
    await new Promise<void>((resolve) => {
      thread.#onReady = resolve;
    });
    // Whoever waited for it kept the process alive until now.
    thread.#worker.unref();
    return thread;
  }

  private constructor(options: KeepAliveThreadOptions) {
    const { etcd, namespace, strict, stallMs } = options;
    this.#options = options;
    const workerData: ThreadData = {
      ...{ etcd, namespace, strict, stallMs },
      suspendedMs: systemClock.suspendedMs,
      alive: this.#alive.buffer,
      ended: this.#ended.buffer as SharedArrayBuffer,
    };
    this.#beat();
    this.#worker = new Worker(new URL("./thread.js", import.meta.url), {
      workerData,
      name: "microlock keepalive",
      // What this process was told, such as to wait for a debugger, is not for it.
      execArgv: [],
    });
    this.#worker.on("message", (message: FromThread) => this.#hear(message));
    this.#worker.on("error", () => this.#died());
    this.#worker.on("exit", () => this.#died());
    this.#heartbeat = setInterval(() => this.#beat(), Math.min(stallMs / 4, 1_000));
    this.#heartbeat.unref();
  }

  /** Has a lease renewed. */
  readonly keep = (lease: GrantedLease, onLost: OnLost, terms: Terms): Keeper => {
    if (this.#isDead) return this.#keepHere(lease, onLost, terms);
    this.#beat();
    if (this.#terms !== terms) {
      this.#terms = terms;
      terms.onRise(() => this.#say({ type: "term", raftTerm: terms.highest }));
    }
    terms.witness(lease.raftTerm);
    const { id } = lease;
    const keeper = new ThreadKeeper(systemClock, lease, onLost, {
      onClose: () => this.#say({ type: "close", id }),
      takeOver: (expiresAt) => this.#keepHere(takenOver(lease, expiresAt), onLost, terms),
    });
    this.#keepers.set(id, keeper);
    void keeper.closed.then(() => this.#keepers.delete(id));
    this.#say({ type: "keep", lease, expiry: keeper.expiry.buffer });
    return keeper;
  };

  /** Has all leases ended, and waits for that: for the end of a process, when nothing else runs any more. */
  end(): void {
    if (this.#isDead || this.#keepers.size === 0) return;
    this.#say({ type: "end" });
    Atomics.wait(this.#ended, 0, 0, endMs);
  }

  async close(): Promise<void> {
    this.#isDead = true;
    clearInterval(this.#heartbeat);
    await this.#worker.terminate();
  }

  #keepHere(lease: GrantedLease, onLost: OnLost, terms: Terms): Keeper {
    const { ownEtcd, namespace, strict } = this.#options;
    const confirm = strict ? quorumWrite(ownEtcd, namespace) : undefined;
    return new LeaseKeeper(ownEtcd, systemClock, lease, onLost, { terms, confirm });
  }

  #beat(): void {
    this.#alive.ms = systemClock.now();
  }

  #say(message: ToThread): void {
    if (!this.#isDead) this.#worker.postMessage(message);
  }

  #hear(message: FromThread): void {
    if (message.type === "ready") {
      this.#onReady();
      return;
    }
    if (message.type === "term") {
      this.#terms?.witness(message.raftTerm);
      return;
    }
    const keeper = this.#keepers.get(message.id);
    if (message.type === "closed") keeper?.wasClosed();
    else if (message.type === "failed") keeper?.failed(message.cause);
    else keeper?.wasLost(message);
  }

  #died(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    // Without one, leases are renewed here.
    this.#onReady();
    clearInterval(this.#heartbeat);
    for (const keeper of [...this.#keepers.values()]) keeper.threadDied();
  }
}
