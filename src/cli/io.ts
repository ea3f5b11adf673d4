import type { Readable } from "node:stream";
import type { Locks } from "../locks.ts";
import type { Args } from "./args.ts";
import { visibleJson } from "./show/visible.ts";

/** Where a command writes. */
export interface Out {
  write(text: string): void;
  /** Resolves once whoever reads has caught up: for those who write without end. */
  drained(): Promise<void>;
  /** Whether people read it, on a terminal that can move its cursor. */
  readonly isTerminal: boolean;
  readonly hasColour: boolean;
  /** How wide and high it is now. */
  readonly columns: number;
  readonly rows: number;
}

/** What a command has to do with the world, so that tests can put another one in its place. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Out;
  readonly stderr: Out;
  readonly env: NodeJS.ProcessEnv;
  /** Aborts with `SignalReceived` when the process is told to end. */
  readonly signal: AbortSignal;
  /**
   * Hears of every signal from now on, instead of `signal`. Returns the function that takes that
   * back. It is for those who pass signals on.
   */
  onSignal(
    signals: readonly NodeJS.Signals[],
    listener: (signal: NodeJS.Signals) => void,
  ): () => void;
  /** Connects by the options of the command line, else by etcdctl's variables. */
  connect(args: Args, options?: ConnectionOptions): Promise<Locks>;
}

/** What a command wants of its client. */
export interface ConnectionOptions {
  readonly ttlMs?: number | undefined;
  readonly lockDelayMs?: number | undefined;
  /** @default what the command line says */
  readonly namespace?: string;
  /** Gives up when it aborts. @default the `signal` of the world */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A value in JSON, on one line, and harmless on a terminal. Revisions are decimal strings: JSON's
 * numbers cannot hold them.
 */
export function jsonOf(value: unknown): string {
  const json = JSON.stringify(value, (_, each: unknown) =>
    typeof each === "bigint" ? each.toString() : each,
  );
  return visibleJson(json);
}
