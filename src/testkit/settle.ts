/** Lets everything happen that needs no time, such as what follows a promise that was kept. */
export async function settle(): Promise<void> {
  // The second turn is for what waits for one itself.
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}
