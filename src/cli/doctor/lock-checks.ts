import { randomBytes } from "node:crypto";
import type { Locks } from "../../locks.ts";
import { type Check, ok } from "./check.ts";

/** Takes a lock, and hands it to another client, which waits for it. Leaves nothing behind. */
export async function* checkLocks(
  locks: Locks,
  connectAnother: () => Promise<Locks>,
  signal: AbortSignal,
): AsyncGenerator<Check> {
  const options = { signal, reason: "microlock doctor" };
  const name = `doctor-${randomBytes(8).toString("hex")}`;
  const askedAt = performance.now();
  const hold = await locks.acquire(name, options);
  const tookMs = performance.now() - askedAt;
  yield ok("lock", `taken in ${tookMs.toFixed(1)} ms, with token ${hold.fencingToken}`);

  const other = await connectAnother();
  try {
    let isWaiting = (): void => {};
    const waiting = new Promise<void>((resolve) => {
      isWaiting = resolve;
    });
    const next = other.acquire(name, { ...options, onWait: () => isWaiting() });
    await Promise.race([waiting, next]);
    const releasedAt = performance.now();
    await hold.release();
    const { fencingToken } = await next;
    const handedMs = performance.now() - releasedAt;
    const text = `released, and handed to another client, which waited, in ${handedMs.toFixed(1)} ms, with token ${fencingToken}`;
    yield ok("hand-over", text);
  } finally {
    await other.close();
  }
}
