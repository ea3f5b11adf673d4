import type { Clock } from "../../clock.ts";
import { onAbort } from "../../signals.ts";
import type { CallOptions } from "../api.ts";

/** Why a call ended before its answer. */
export interface OutOfBounds {
  readonly cause: "timeout" | "abort" | "close";
  readonly error: unknown;
}

/**
 * What bounds one call, through all its stages: its deadline, its signal, and the end of the
 * client. One timer and one listener, whatever the call is doing.
 */
export class CallBounds {
  readonly timeoutMs: number;
  /** How the call was ended; undefined as long as it may go on. */
  ended: OutOfBounds | undefined;
  /** Whom to tell, set by the stage that the call is in. */
  #onEnd: ((end: OutOfBounds) => void) | undefined;
  readonly #stopListening: (() => void) | undefined;
  readonly #stopTimer: () => void;

  constructor(clock: Clock, options: CallOptions, timeoutMs: number, onTimeout: () => unknown) {
    this.timeoutMs = timeoutMs;
    this.#stopTimer = clock.setTimer(
      timeoutMs,
      () => this.end("timeout", onTimeout()),
      options.keepsProcessAlive === false ? { keepsProcessAlive: false } : undefined,
    );
    const { signal } = options;
    if (signal) this.#stopListening = onAbort(signal, () => this.end("abort", signal.reason));
  }

  /** Ends the call; only the first time counts. */
  end(cause: OutOfBounds["cause"], error: unknown): void {
    if (this.ended) return;
    this.ended = { cause, error };
    this.release();
    this.#onEnd?.(this.ended);
  }

  /** Calls `onEnd` when the call is ended, until the returned function is called. */
  watch(onEnd: (end: OutOfBounds) => void): () => void {
    if (this.ended) {
      onEnd(this.ended);
      return () => {};
    }
    this.#onEnd = onEnd;
    return () => {
      this.#onEnd = undefined;
    };
  }

  /** Settles as `promise` does, or rejects as soon as the call is ended. */
  within<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const unwatch = this.watch((end) => reject(end.error));
      promise.then(
        (value) => {
          unwatch();
          resolve(value);
        },
        (error) => {
          unwatch();
          reject(error);
        },
      );
    });
  }

  /** Takes the timer and the listener away. */
  release(): void {
    this.#stopTimer();
    this.#stopListening?.();
  }
}
