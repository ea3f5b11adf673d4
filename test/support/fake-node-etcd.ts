import { EventEmitter } from "node:events";
import type {
  NodeEtcd,
  NodeEtcdCallback,
  NodeEtcdResponse,
  NodeEtcdSetOptions,
} from "../../src/etcd/v2/node-etcd.ts";

/** A node-etcd watcher that tells what the test makes it tell, the way the real one does. */
export class FakeWatcher extends EventEmitter {
  stops = 0;

  stop(): void {
    this.stops += 1;
  }

  happen(change: NodeEtcdResponse): void {
    this.emit("change", change);
    if (change.action) this.emit(change.action, change);
  }
}

/** A node-etcd client that writes down what it is asked, and answers when it is told to. */
export class FakeNodeEtcd implements NodeEtcd {
  readonly calls: unknown[][] = [];
  readonly watchers: FakeWatcher[] = [];
  #done: NodeEtcdCallback = () => {};

  set(
    key: string,
    value: string | null,
    options: NodeEtcdSetOptions,
    done: NodeEtcdCallback,
  ): void {
    this.calls.push(["set", key, value, options]);
    this.#done = done;
  }

  compareAndDelete(key: string, previous: string, done: NodeEtcdCallback): void {
    this.calls.push(["compareAndDelete", key, previous]);
    this.#done = done;
  }

  watcher(...args: [key: string]): FakeWatcher {
    this.calls.push(["watcher", ...args]);
    const watcher = new FakeWatcher();
    this.watchers.push(watcher);
    return watcher;
  }

  answer(response: NodeEtcdResponse): void {
    this.#done(null, response);
  }

  refuse(error: unknown): void {
    this.#done(error);
  }
}
