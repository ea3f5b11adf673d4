/** Lets everything happen that needs no time, such as what follows a promise that was kept. */
export async function settle(): Promise<void> {
  // The second turn is for what waits for one itself.
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * The same without a turn of the event loop, which takes longer than most of what is to happen: for
 * worlds in which nobody waits for such a turn.
 *
 * @internal
 */
export function settlePromises(): Promise<void> {
  // Node.js calls it when nothing is left to do that follows a promise.
  return new Promise((resolve) => process.nextTick(resolve));
}
