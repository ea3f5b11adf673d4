interface Followers {
  readonly listeners: Set<() => void>;
  readonly tellAll: () => void;
}

const followersOf = new WeakMap<AbortSignal, Followers>();

/**
 * Calls `listener` when `signal` aborts. Many calls may share a signal, such as that of a
 * process which is about to end; it gets one listener for all of them, since Node suspects a
 * leak behind more than ten.
 *
 * @returns the function that stops listening.
 */
export function onSharedAbort(signal: AbortSignal, listener: () => void): () => void {
  const followers = followersOf.get(signal) ?? follow(signal);
  const { listeners, tellAll } = followers;
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0 || followersOf.get(signal) !== followers) return;
    followersOf.delete(signal);
    signal.removeEventListener("abort", tellAll);
  };
}

function follow(signal: AbortSignal): Followers {
  const listeners = new Set<() => void>();
  const tellAll = (): void => {
    for (const listener of [...listeners]) listener();
  };
  const followers = { listeners, tellAll };
  followersOf.set(signal, followers);
  signal.addEventListener("abort", tellAll, { once: true });
  return followers;
}
