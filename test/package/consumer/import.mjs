import assert from "node:assert/strict";
import Microlock, { AlreadyLockedError, connect, events, LockNotOwnedError } from "microlock";
import manifest from "microlock/package.json" with { type: "json" };

assert.equal(typeof Microlock, "function");
assert.equal(typeof connect, "function");
assert.equal(typeof events, "object");
assert.equal(new AlreadyLockedError("foo").code, "ALREADY_LOCKED");
assert.equal(new LockNotOwnedError("foo", "me").code, "LOCK_NOT_OWNED");
assert.equal(manifest.name, "microlock");
await assert.rejects(import("microlock/dist/errors.js"), { code: "ERR_PACKAGE_PATH_NOT_EXPORTED" });

// Whoever uses the 1.x class, or has a store of their own, does not pay for gRPC.
assert.ok(!process.moduleLoadList.includes("NativeModule http2"), "import loads http2");
console.log("done");
