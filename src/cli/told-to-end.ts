import { onAbort } from "../signals.ts";
import type { Io } from "./io.ts";
import { StdinEnd } from "./lock/stdin-end.ts";
import { Signals } from "./run/signals.ts";
import { StdinClosed } from "./stdin-closed.ts";

/** Whatever tells us to end: a signal, or the end of our stdin unless a command reads that. */
export class ToldToEnd {
  readonly signals: Signals;
  readonly #stdin: StdinEnd | undefined;
  readonly #told = new AbortController();

  constructor(io: Io, { heedsStdin }: { readonly heedsStdin: boolean }) {
    this.signals = new Signals(io);
    const { waiting } = this.signals;
    onAbort(waiting, () => this.#told.abort(waiting.reason));
    this.#stdin = heedsStdin ? new StdinEnd(io) : undefined;
    if (this.#stdin) onAbort(this.#stdin.signal, () => this.#told.abort(new StdinClosed()));
  }

  get signal(): AbortSignal {
    return this.#told.signal;
  }

  close(): void {
    this.signals.close();
    this.#stdin?.close();
  }
}
