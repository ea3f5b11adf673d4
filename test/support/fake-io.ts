import { PassThrough } from "node:stream";
import type { Args } from "../../src/cli/args.ts";
import { runCli } from "../../src/cli/cli.ts";
import type { ConnectionOptions, Io, Out } from "../../src/cli/io.ts";
import { SignalReceived } from "../../src/cli/signal-received.ts";
import { connect } from "../../src/connect.ts";
import type { Etcd } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import { eventually } from "./eventually.ts";

/** Keeps what a command writes. */
class FakeOut implements Out {
  text = "";
  readonly isTerminal = false;
  readonly hasColour = false;
  readonly columns = 80;
  readonly rows = 24;

  write(text: string): void {
    this.text += text;
  }

  /** Resolves once there is so much as a line. */
  async line(): Promise<string> {
    await eventually(() => this.text.includes("\n"));
    return this.text;
  }
}

type Listener = (signal: NodeJS.Signals) => void;

/** The world of a command that is called in a test: it connects to the store of the test. */
export class FakeIo implements Io {
  readonly stdin = new PassThrough();
  readonly stdout = new FakeOut();
  readonly stderr = new FakeOut();
  readonly env: NodeJS.ProcessEnv = {};
  readonly #etcd: Etcd;
  readonly #told = new AbortController();
  readonly #listeners = new Map<Listener, readonly NodeJS.Signals[]>();

  constructor(etcd: Etcd) {
    this.#etcd = etcd;
  }

  get signal(): AbortSignal {
    return this.#told.signal;
  }

  onSignal(signals: readonly NodeJS.Signals[], listener: Listener): () => void {
    this.#listeners.set(listener, signals);
    return () => this.#listeners.delete(listener);
  }

  /** As if the process had got it. */
  send(signal: NodeJS.Signals): void {
    const heard = [...this.#listeners].filter(([, signals]) => signals.includes(signal));
    for (const [listener] of heard) listener(signal);
    if (heard.length === 0) this.#told.abort(new SignalReceived(signal));
  }

  connect(args: Args, { signal: _, ...options }: ConnectionOptions = {}): Promise<Locks> {
    return connect({ store: this.#etcd, namespace: args.text("namespace"), ...options });
  }

  /** Carries out a command line in this world. */
  run(...argv: readonly string[]): Promise<number> {
    return runCli(argv, this);
  }
}
