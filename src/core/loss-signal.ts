/** A signal, and the function that aborts it. */
export interface LossSignal {
  readonly signal: AbortSignal;
  readonly abort: (reason: unknown) => void;
}

/**
 * A signal that looks before it answers: whoever asks whether it has aborted makes `look`
 * run first, which may abort it.
 *
 * A plain signal aborts when its timer fires. After a pause of the whole process, timers
 * that were due earlier fire before that, and what they run would still see a hold that
 * ended long ago.
 */
export function lossSignal(look: () => void): LossSignal {
  const controller = new AbortController();
  const { signal } = controller;
  const { get: aborted } = Object.getOwnPropertyDescriptor(AbortSignal.prototype, "aborted") ?? {};
  const { get: reason } = Object.getOwnPropertyDescriptor(AbortSignal.prototype, "reason") ?? {};

  Object.defineProperties(signal, {
    aborted: {
      get(): unknown {
        look();
        return aborted?.call(signal);
      },
    },
    reason: {
      get(): unknown {
        look();
        return reason?.call(signal);
      },
    },
    throwIfAborted: {
      value(): void {
        look();
        AbortSignal.prototype.throwIfAborted.call(signal);
      },
    },
  });
  return { signal, abort: (why) => controller.abort(why) };
}
