/** A signal that aborts with the first of several, and the function that stops following them. */
export interface FollowedSignals {
  readonly signal: AbortSignal;
  readonly unfollow: () => void;
}

const neverAborts = new AbortController().signal;

/**
 * Combines signals for the length of one call. Whoever calls it calls `unfollow` in a
 * `finally`.
 *
 * Not `AbortSignal.any`: on Node 20 that keeps every combined signal for as long as the
 * longest-lived of its sources lives (nodejs/node#54614).
 */
export function followSignals(...followed: readonly (AbortSignal | undefined)[]): FollowedSignals {
  const sources = followed.filter((source) => source !== undefined);
  const [first = neverAborts] = sources;
  // Most calls follow one at the most, and a controller is dear.
  if (sources.length < 2) return { signal: first, unfollow: () => {} };
  const controller = new AbortController();
  const stops: (() => void)[] = [];
  const unfollow = (): void => {
    for (const stop of stops.splice(0)) stop();
  };
  for (const source of sources) {
    if (controller.signal.aborted) continue;
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
  const listeners = listenersOf.get(signal) ?? listenTo(signal);
  // So that whoever listens twice with the same function is told twice.
  const entry = { listener };
  listeners.add(entry);
  return () => {
    // Stopping twice must not stop those who came after.
    if (listeners.delete(entry) && listeners.size === 0) listeners.stop();
  };
}

/** All who listen to one signal. */
class Listeners extends Set<{ readonly listener: () => void }> {
  readonly stop: () => void;

  constructor(stop: () => void) {
    super();
    this.stop = stop;
  }
}

// One listener on each signal, however many calls share it: Node takes more than ten for a
// leak, and warns.
const listenersOf = new WeakMap<AbortSignal, Listeners>();

function listenTo(signal: AbortSignal): Listeners {
  const tell = (): void => {
    listenersOf.delete(signal);
    for (const { listener } of [...listeners]) listener();
  };
  const listeners = new Listeners(() => {
    listenersOf.delete(signal);
    signal.removeEventListener("abort", tell);
  });
  signal.addEventListener("abort", tell, { once: true });
  listenersOf.set(signal, listeners);
  return listeners;
}

/** Settles as `promise` does, or rejects with the signal's reason as soon as it aborts. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise<T>((resolve, reject) => {
    const stop = onAbort(signal, () => reject(signal.reason));
    promise.then(resolve, reject).finally(stop);
  });
}
