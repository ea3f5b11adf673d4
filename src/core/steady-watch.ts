import type { Clock } from "../clock.ts";
import { ClosedError, CompactedError } from "../errors.ts";
import type { Etcd, KeyRange, Watch, WatchEvent } from "../etcd/api.ts";

/** Whoever watches steadily. */
export interface SteadyObserver {
  /**
   * The watch stands at `revision`. When it is not `gapless`, what happened before that
   * was not seen: look at the present state.
   */
  onStanding(revision: bigint, gapless: boolean): void;
  onEvents(events: readonly WatchEvent[]): void;
  /** Etcd does not let us watch. It is asked again. */
  onRefused?(error: Error): void;
}

// After a refusal: long enough not to bother anybody, short enough to notice when it is over.
const retryMs = 1_000;

/**
 * Watches a range from now on until it is closed, whatever ends a watch meanwhile. After
 * a compaction it begins anew at once, after a refusal a second later.
 */
export function steadyWatch(
  etcd: Etcd,
  clock: Clock,
  range: KeyRange,
  observer: SteadyObserver,
): Watch {
  let watch: Watch;
  let cancelRetry = (): void => {};
  let closed = false;

  const open = (): void => {
    let gapless = false;
    watch = etcd.watch(range, {
      onCreated(revision) {
        observer.onStanding(revision, gapless);
        gapless = true;
      },
      onEvents: (events) => observer.onEvents(events),
      onEnd(error) {
        if (closed || error instanceof ClosedError) return;
        const compacted = error instanceof CompactedError;
        const delayMs = compacted ? 0 : retryMs;
        cancelRetry = clock.setTimer(delayMs, open, { keepsProcessAlive: false });
        if (!compacted) observer.onRefused?.(error);
      },
    });
  };
  open();
  return {
    close() {
      closed = true;
      cancelRetry();
      watch.close();
    },
  };
}
