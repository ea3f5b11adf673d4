import { sleep } from "../../clock.ts";
import { bytesOf } from "../../core/keys.ts";
import { StoreError } from "../../errors.ts";
import type { Locks } from "../../locks.ts";

const everyMs = 2_000;

/** Asks etcd now and then, and says when it does not answer any more, and when it does again. */
export async function followPulse(
  { etcd, clock, namespace }: Locks,
  signal: AbortSignal,
  tell: (change: "lost" | "back", error?: StoreError) => void,
): Promise<void> {
  const request = { key: bytesOf(`${namespace}%pulse`), countOnly: true };
  let isLost = false;
  while (!signal.aborted) {
    try {
      await sleep(clock, everyMs, signal);
      await etcd.txn({ success: [{ op: "range", request }] }, { signal, timeoutMs: everyMs });
      if (isLost) tell("back");
      isLost = false;
    } catch (error) {
      if (signal.aborted || !(error instanceof StoreError)) return;
      if (!isLost) tell("lost", error);
      isLost = true;
    }
  }
}
