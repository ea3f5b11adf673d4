import { EventEmitter } from "node:events";
import type {
  RawEtcd3,
  TxnAnswer,
  WatchAnswer,
  WatchMessage,
} from "../../src/etcd/etcd3/client.ts";

const header = { cluster_id: "1", member_id: "2", revision: "7", raft_term: "3" };

/** A stream of the etcd3 package, whose other end is the test. */
export class FakeStream extends EventEmitter {
  readonly written: WatchMessage[] = [];
  /** What was done to end it, in order. */
  readonly ending: string[] = [];

  write(message: WatchMessage): void {
    this.written.push(message);
  }

  end(): void {
    this.ending.push("end");
  }

  cancel(): void {
    this.ending.push("cancel");
    this.emit("error", new Error("1 CANCELLED: Cancelled on client"));
  }

  answer(answer: Partial<WatchAnswer>): void {
    this.emit("data", {
      header,
      created: false,
      canceled: false,
      compact_revision: "0",
      cancel_reason: "",
      events: [],
      ...answer,
    });
  }

  created(revision: string): void {
    this.answer({ created: true, header: { ...header, revision } });
  }

  /** A key was put at `revision`. */
  put(key: string, revision: string): void {
    const kv = {
      key: Buffer.from(key),
      value: Buffer.alloc(0),
      create_revision: revision,
      mod_revision: revision,
      version: "1",
      lease: "0",
    };
    this.answer({ events: [{ type: "Put", kv, prev_kv: null }] });
  }
}

/** A client of the etcd3 package: calls are answered by what the test puts in place. */
export class FakeEtcd3 {
  readonly streams: FakeStream[] = [];
  readonly deadlines: (number | undefined)[] = [];
  closed = false;
  txn = async (): Promise<TxnAnswer> => ({ header, succeeded: true, responses: [] });
  openStream = async (stream: FakeStream): Promise<FakeStream> => stream;

  get client(): RawEtcd3 {
    const answer = async (): Promise<never> => {
      throw new Error("The test does not answer that");
    };
    return {
      kv: {
        txn: async (_request, options) => {
          this.deadlines.push(options?.deadline);
          return this.txn();
        },
        compact: answer,
      },
      leaseClient: {
        leaseGrant: answer,
        leaseRevoke: answer,
        leaseTimeToLive: answer,
        leaseKeepAlive: answer,
      },
      watchClient: {
        watch: async () => {
          const stream = new FakeStream();
          this.streams.push(stream);
          return this.openStream(stream);
        },
      },
      close: () => {
        this.closed = true;
      },
    };
  }
}
