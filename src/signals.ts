/** A signal that aborts with the first of several, and the function that stops following them. */
export interface FollowedSignals {
  readonly signal: AbortSignal;
  readonly unfollow: () => void;
}

/**
 * Combines signals for the length of one call. Whoever calls it calls `unfollow` in a
 * `finally`.
 *
 * Not `AbortSignal.any`: on Node 20 that keeps every combined signal for as long as the
 * longest-lived of its sources lives (nodejs/node#54614).
 */
export function followSignals(...sources: readonly (AbortSignal | undefined)[]): FollowedSignals {
  const controller = new AbortController();
  const stops: (() => void)[] = [];
  const unfollow = (): void => {
    for (const stop of stops.splice(0)) stop();
  };
  for (const source of sources) {
    if (!source || controller.signal.aborted) continue;
    stops.push(onAbort(source, () => controller.abort(source.reason)));
  }
  return { signal: controller.signal, unfollow };
}

/**
 * Calls `listener` once when `signal` aborts, at once if it already has.
 *
 * @returns the function that stops listening.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener();
    return () => {};
  }
  signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}

/** Settles as `promise` does, or rejects with the signal's reason as soon as it aborts. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise<T>((resolve, reject) => {
    const stop = onAbort(signal, () => reject(signal.reason));
    promise.then(resolve, reject).finally(stop);
  });
}
