// Compiled, not run: a TypeScript user who compiles to CommonJS.
import Microlock = require("microlock");
import testkit = require("microlock/testkit");

export const refused: Error = new Microlock.AlreadyLockedError("foo");

export async function legacy(locks: Microlock.Locks): Promise<void> {
  const lock = new Microlock.default(locks, "foo", "me", 5);
  lock.on(Microlock.events.locked, () => {});
  await lock.lock();
  lock.destroy();
}

export const started: Promise<testkit.StartedEtcd> = testkit.startEtcd();
