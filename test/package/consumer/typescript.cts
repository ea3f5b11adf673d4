// Compiled, not run: a TypeScript user who compiles to CommonJS.
import Microlock = require("microlock");

export const refused: Error = new Microlock.AlreadyLockedError("foo");

export async function legacy(locks: Microlock.Locks): Promise<void> {
  const lock = new Microlock.default(locks, "foo", "me", 5);
  lock.on(Microlock.events.locked, () => {});
  await lock.lock();
  lock.destroy();
}
