// In ES5, as users of 1.x wrote it.
var assert = require("node:assert");
var Microlock = require("microlock");

assert.strictEqual(typeof Microlock.default, "function");
assert.strictEqual(Microlock.__esModule, true);
assert.ok(new Microlock.AlreadyLockedError("foo") instanceof Error);
assert.strictEqual(new Microlock.LockNotOwnedError("foo", "me").name, "LockNotOwnedError");
assert.strictEqual(typeof Microlock.events, "object");
assert.throws(() => {
  new Microlock.default(undefined, "foo", "me", 5);
}, Microlock.EtcdClientRequiredError);

// One copy of every class, however it is loaded.
import("microlock").then((imported) => {
  assert.strictEqual(imported.default, Microlock.default);
  assert.strictEqual(imported.AlreadyLockedError, Microlock.AlreadyLockedError);
  console.log("done");
});
