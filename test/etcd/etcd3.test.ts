import { beforeEach, describe, expect, it, vi } from "vitest";
import {
  ClosedError,
  StoreDeniedError,
  StoreError,
  StoreUnavailableError,
} from "../../src/errors.ts";
import { translateCancelReason, translateError } from "../../src/etcd/etcd3/errors.ts";
import { Etcd3Store } from "../../src/etcd/etcd3/etcd3-store.ts";
import { FakeEtcd3 } from "../support/fake-etcd3.ts";
import { SimulatedClock, settle } from "../support/simulated-clock.ts";

describe("translateError", () => {
  it.each([
    ["5 NOT_FOUND: etcdserver: requested lease not found", StoreError, "NOT_FOUND", "STORE_ERROR"],
    [
      "Lease 5 NOT_FOUND: etcdserver: requested lease not found is expired or revoked",
      StoreError,
      "NOT_FOUND",
      "STORE_ERROR",
    ],
    [
      "9 FAILED_PRECONDITION: etcdserver: lease already exists",
      StoreError,
      "FAILED_PRECONDITION",
      "STORE_ERROR",
    ],
    [
      "8 RESOURCE_EXHAUSTED: etcdserver: mvcc: database space exceeded",
      StoreError,
      "RESOURCE_EXHAUSTED",
      "STORE_FULL",
    ],
    ["12 UNIMPLEMENTED: unknown service", StoreError, "UNIMPLEMENTED", "STORE_UNSUPPORTED"],
    [
      "3 INVALID_ARGUMENT: etcdserver: authentication failed, invalid user ID or password",
      StoreDeniedError,
      "INVALID_ARGUMENT",
      "STORE_DENIED",
    ],
    ["16 UNAUTHENTICATED: no", StoreDeniedError, "UNAUTHENTICATED", "STORE_DENIED"],
    [
      "14 UNAVAILABLE: self-signed certificate in certificate chain",
      StoreDeniedError,
      "UNAVAILABLE",
      "STORE_DENIED",
    ],
    [
      "14 UNAVAILABLE: etcdserver: no leader",
      StoreUnavailableError,
      "UNAVAILABLE",
      "STORE_UNAVAILABLE",
    ],
    [
      "4 DEADLINE_EXCEEDED: too late",
      StoreUnavailableError,
      "DEADLINE_EXCEEDED",
      "STORE_UNAVAILABLE",
    ],
    ["Error: 13 INTERNAL: RST_STREAM", StoreUnavailableError, "INTERNAL", "STORE_UNAVAILABLE"],
    [
      "Execution prevented because the circuit breaker is open",
      StoreUnavailableError,
      "UNAVAILABLE",
      "STORE_UNAVAILABLE",
    ],
  ] as const)("makes of %j a %o", (message, kind, status, code) => {
    const cause = new Error(message);
    const error = translateError(cause);
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ status, code, cause });
    expect(message).toContain(error.message);
    expect(error.message).not.toMatch(/\d [A-Z]|revoked$/);
  });

  it("tells that the client is closed", () => {
    const error = new Error(
      "Tried to call a KV method on etcd3, but the client was already closed",
    );
    expect(translateError(error)).toBeInstanceOf(ClosedError);
  });

  it("leaves errors of ours as they are", () => {
    const error = new StoreUnavailableError("no answer");
    expect(translateError(error)).toBe(error);
  });
});

describe("translateCancelReason", () => {
  it("tells a missing right from a missing leader", () => {
    expect(translateCancelReason("etcdserver: permission denied", false)).toBeInstanceOf(
      StoreDeniedError,
    );
    expect(translateCancelReason("etcdserver: no leader", false)).toBeInstanceOf(
      StoreUnavailableError,
    );
    expect(translateCancelReason("something else", false)).toBeInstanceOf(StoreError);
  });

  it("goes on without a reason, but not with a watch that never stood", () => {
    expect(translateCancelReason("", false)).toBeInstanceOf(StoreUnavailableError);
    expect(translateCancelReason("", true)).toMatchObject({ code: "STORE_ERROR" });
  });

  it("understands how Go prints an error", () => {
    const reason = "rpc error: code = PermissionDenied desc = etcdserver: permission denied";
    expect(translateCancelReason(reason, true)).toMatchObject({
      code: "STORE_DENIED",
      status: "PERMISSION_DENIED",
      message: "etcdserver: permission denied",
    });
  });
});

describe("Etcd3Store", () => {
  let clock: SimulatedClock;
  let fake: FakeEtcd3;
  let store: Etcd3Store;

  beforeEach(() => {
    clock = new SimulatedClock();
    fake = new FakeEtcd3();
    store = new Etcd3Store(fake.client, clock);
  });

  it("gives a call up after its own timeout, but leaves the client ten seconds for it", async () => {
    fake.txn = () => new Promise(() => {});
    const before = Date.now();
    const result = store.txn({}, { timeoutMs: 50 }).catch((error: unknown) => error);
    await clock.advance(50);
    expect(await result).toMatchObject({ status: "DEADLINE_EXCEEDED", code: "STORE_UNAVAILABLE" });
    expect(fake.deadlines[0]).toBeGreaterThanOrEqual(before + 10_000);
    expect(clock.timerCount).toBe(0);
  });

  it("gives a call up when its signal aborts, with its reason", async () => {
    fake.txn = () => new Promise(() => {});
    const controller = new AbortController();
    const result = store.txn({}, { signal: controller.signal });
    controller.abort("enough");
    await expect(result).rejects.toBe("enough");
    expect(clock.timerCount).toBe(0);
  });

  it("sends nothing when the signal has aborted before", async () => {
    await expect(store.txn({}, { signal: AbortSignal.abort("no") })).rejects.toBe("no");
    expect(fake.deadlines).toEqual([]);
  });

  it("ends its calls and watches when it is closed, and leaves the client open", async () => {
    fake.txn = () => new Promise(() => {});
    const onEnd = vi.fn<(error: Error) => void>();
    store.watch({ key: Buffer.from("a") }, { onEvents() {}, onEnd });
    const call = store.txn({});
    await settle();

    await store.close();
    await store.close();

    await expect(call).rejects.toThrow(ClosedError);
    await expect(store.txn({})).rejects.toThrow(ClosedError);
    expect(onEnd).toHaveBeenCalledExactlyOnceWith(expect.any(ClosedError));
    expect(fake.streams[0]?.ending).toEqual(["end", "cancel"]);
    expect(fake.closed).toBe(false);
    expect(clock.timerCount).toBe(0);
  });

  it("ends a watch that is asked for after it was closed", async () => {
    await store.close();
    const onEnd = vi.fn<(error: Error) => void>();
    store.watch({ key: Buffer.from("a") }, { onEvents() {}, onEnd });
    expect(onEnd).not.toHaveBeenCalled();
    await settle();
    expect(onEnd).toHaveBeenCalledExactlyOnceWith(expect.any(ClosedError));
    expect(fake.streams).toEqual([]);
  });
});
