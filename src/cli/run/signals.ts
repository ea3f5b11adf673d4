import type { Io } from "../io.ts";
import { endingSignals, SignalReceived } from "../signal-received.ts";

const heard = [...endingSignals, "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const;
const ending: readonly NodeJS.Signals[] = [...endingSignals, "SIGQUIT"];

/** Who is sent what we hear. */
export interface SignalTaker {
  take(signal: NodeJS.Signals): void;
}

/**
 * The signals that reach us: they end our waiting, as long as there is nobody to pass them on
 * to. So Ctrl-C, a closed terminal and `kill` do what they would do to the command itself.
 */
export class Signals {
  readonly #waiting = new AbortController();
  readonly #stop: () => void;
  #taker: SignalTaker | undefined;

  constructor(io: Io) {
    this.#stop = io.onSignal([...heard, "SIGTSTP", "SIGCONT"], (signal) => this.#hear(signal));
    // One may have come while we were being loaded.
    if (io.signal.aborted) this.#waiting.abort(io.signal.reason);
  }

  /** Aborts with `SignalReceived` when a signal ends our waiting. */
  get waiting(): AbortSignal {
    return this.#waiting.signal;
  }

  /** From now on `taker` gets them. */
  passTo(taker: SignalTaker): void {
    this.#taker = taker;
  }

  close(): void {
    this.#stop();
  }

  #hear(signal: NodeJS.Signals): void {
    if (this.#taker) this.#taker.take(signal);
    else if (ending.includes(signal)) this.#waiting.abort(new SignalReceived(signal));
    // Whoever hears it is not stopped by it.
    if (signal === "SIGTSTP") process.kill(process.pid, "SIGSTOP");
  }
}
