import { PassThrough } from "node:stream";
import type { Args } from "../../src/cli/args.ts";
import { runCli } from "../../src/cli/cli.ts";
import type { ConnectionOptions, Io, Out } from "../../src/cli/io.ts";
import { SignalReceived } from "../../src/cli/signal-received.ts";
import type { Clock } from "../../src/clock.ts";
import { connect } from "../../src/connect.ts";
import type { Etcd } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import { eventually } from "./eventually.ts";

/** What a test wants of the world. */
export interface FakeIoOptions {
  /** The clock of the store. */
  readonly clock?: Clock;
  /** Whether stdin, stdout and stderr are a terminal. @default false */
  readonly isTerminal?: boolean;
  readonly hasColour?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** Keeps what a command writes. */
class FakeOut implements Out {
  text = "";
  readonly isTerminal: boolean;
  readonly hasColour: boolean;
  columns: number;
  rows: number;
  /** How often a writer asked whether we have caught up. */
  drains = 0;

  constructor(options: FakeIoOptions) {
    const { isTerminal = false, hasColour = false, columns = 80, rows = 24 } = options;
    this.isTerminal = isTerminal;
    this.hasColour = hasColour;
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    this.text += text;
  }

  async drained(): Promise<void> {
    this.drains += 1;
  }

  /** What was written, by lines. */
  get lines(): readonly string[] {
    return this.text.split("\n").slice(0, -1);
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
  readonly stdin: PassThrough & { isTTY?: boolean } = new PassThrough();
  readonly stdout: FakeOut;
  readonly stderr: FakeOut;
  readonly env: NodeJS.ProcessEnv = {};
  readonly #etcd: Etcd;
  readonly #clock: Clock | undefined;
  readonly #told = new AbortController();
  readonly #listeners = new Map<Listener, readonly NodeJS.Signals[]>();

  constructor(etcd: Etcd, options: FakeIoOptions = {}) {
    this.#etcd = etcd;
    this.#clock = options.clock;
    this.stdout = new FakeOut(options);
    this.stderr = new FakeOut(options);
    if (options.isTerminal) this.stdin.isTTY = true;
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
    const clock = this.#clock;
    return connect({ store: this.#etcd, clock, namespace: args.text("namespace"), ...options });
  }

  /** Carries out a command line in this world. */
  run(...argv: readonly string[]): Promise<number> {
    return runCli(argv, this);
  }
}
