import { describe, expect, it } from "vitest";
import { StoreDeniedError, type StoreStatus, StoreUnavailableError } from "../../src/errors.ts";
import { cancelOutcome } from "../../src/etcd/grpc/cancel-reason.ts";
import { connectFailure } from "../../src/etcd/grpc/connect-failure.ts";
import { parseEndpoint } from "../../src/etcd/grpc/endpoints.ts";
import { answerError, isStaleToken, toStoreError } from "../../src/etcd/grpc/errors.ts";
import { CallFailure, NoConnection } from "../../src/etcd/grpc/failures.ts";
import { decodeGrpcMessage } from "../../src/etcd/wire/grpc-status.ts";

const context = { method: "KV/Txn", endpoint: "a:1" };

describe("answerError", () => {
  it.each<[StoreStatus, string, string]>([
    ["NOT_FOUND", "etcdserver: requested lease not found", "STORE_ERROR"],
    ["INVALID_ARGUMENT", "etcdserver: key is not provided", "STORE_ERROR"],
    ["INVALID_ARGUMENT", "etcdserver: request is too large", "STORE_ERROR"],
    [
      "INVALID_ARGUMENT",
      "etcdserver: authentication failed, invalid user ID or password",
      "STORE_DENIED",
    ],
    ["INVALID_ARGUMENT", "etcdserver: user name is empty", "STORE_DENIED"],
    ["INVALID_ARGUMENT", "etcdserver: revision of auth store is old", "STORE_DENIED"],
    ["UNAUTHENTICATED", "etcdserver: invalid auth token", "STORE_DENIED"],
    ["PERMISSION_DENIED", "etcdserver: permission denied", "STORE_DENIED"],
    ["RESOURCE_EXHAUSTED", "etcdserver: mvcc: database space exceeded", "STORE_FULL"],
    ["RESOURCE_EXHAUSTED", "etcdserver: too many requests", "STORE_UNAVAILABLE"],
    ["UNIMPLEMENTED", "unknown service etcdserverpb.KV", "STORE_UNSUPPORTED"],
    ["UNAVAILABLE", "etcdserver: no leader", "STORE_UNAVAILABLE"],
    ["DEADLINE_EXCEEDED", "context deadline exceeded", "STORE_UNAVAILABLE"],
    ["UNKNOWN", "raft proposal dropped", "STORE_UNAVAILABLE"],
    ["UNKNOWN", "etcdserver: something else", "STORE_ERROR"],
  ])("makes of %s, %s: %s", (status, message, code) => {
    const error = answerError(status, message, context);
    expect(error).toMatchObject({ code, status });
    expect(error.message).toContain(message);
    expect(error instanceof StoreUnavailableError).toBe(code === "STORE_UNAVAILABLE");
    expect(error instanceof StoreDeniedError).toBe(code === "STORE_DENIED");
  });

  it("leaves the words of a refusal as they are", () => {
    const words = "etcdserver: requested lease not found";
    expect(answerError("NOT_FOUND", words, context).message).toBe(words);
  });
});

describe("isStaleToken", () => {
  it("tells a token that is no longer good from a user who may not", () => {
    expect(isStaleToken({ status: "UNAUTHENTICATED", message: "" })).toBe(true);
    const old = "etcdserver: revision of auth store is old";
    expect(isStaleToken({ status: "INVALID_ARGUMENT", message: old })).toBe(true);
    const denied = "etcdserver: permission denied";
    expect(isStaleToken({ status: "PERMISSION_DENIED", message: denied })).toBe(false);
  });
});

describe("toStoreError", () => {
  it("says whether a call may have been carried out", () => {
    const lost = toStoreError(new CallFailure("lost", "UNAVAILABLE", "Lost"), context);
    expect(lost).toBeInstanceOf(StoreUnavailableError);
    expect(lost).toMatchObject({ message: "Lost: KV/Txn at a:1 may have been carried out" });
    const unsent = toStoreError(new CallFailure("unsent", "UNAVAILABLE", "Lost"), context);
    expect(unsent).toMatchObject({ message: "Lost: KV/Txn at a:1 was not sent" });
  });

  const failures = (...pairs: [string, string][]): NoConnection =>
    new NoConnection(
      pairs.map(([name, code]) =>
        connectFailure(parseEndpoint(name), Object.assign(new Error(`it says ${code}`), { code })),
      ),
    );

  it("names every endpoint and what it said", () => {
    expect(toStoreError(failures(["a:1", "ECONNREFUSED"]), context)).toMatchObject({
      code: "STORE_UNAVAILABLE",
      message:
        "No etcd answers at a:1 (connection refused). Is it running, and is the address right?",
    });
    expect(
      toStoreError(failures(["a:1", "ECONNREFUSED"], ["b:2", "ENOTFOUND"]), context),
    ).toMatchObject({
      message:
        "No etcd answers at a:1 (connection refused), b:2 (unknown host name). Are they running, and are the addresses right?",
    });
  });

  it("denies when nobody is trusted, but not when one of several may come back", () => {
    const expired = toStoreError(failures(["a:1", "CERT_HAS_EXPIRED"]), context);
    expect(expired).toBeInstanceOf(StoreDeniedError);
    expect(expired).toMatchObject({ status: "UNAVAILABLE" });
    const mixed = toStoreError(
      failures(["a:1", "CERT_HAS_EXPIRED"], ["b:1", "ECONNREFUSED"]),
      context,
    );
    expect(mixed).toBeInstanceOf(StoreUnavailableError);
  });
});

describe("connectFailure", () => {
  it.each([
    ["SELF_SIGNED_CERT_IN_CHAIN", "", "tls"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "", "tls"],
    ["CERT_HAS_EXPIRED", "", "tls"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "", "tls"],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "tlsv13 alert certificate required", "tls"],
    ["EPROTO", "SSL alert number 42: sslv3 alert bad certificate", "tls"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "wrong version number", "protocol"],
    ["ERR_HTTP2_ERROR", "Protocol error", "protocol"],
    ["ECONNREFUSED", "", "unreachable"],
    ["ENOTFOUND", "", "unreachable"],
  ])("counts %s as %s%s", (code, message, kind) => {
    const error = Object.assign(new Error(message), { code });
    expect(connectFailure(parseEndpoint("a:1"), error).kind).toBe(kind);
  });
});

describe("cancelOutcome", () => {
  const answer = { compactRevision: 0n, cancelReason: "", created: true };

  it.each([
    [
      "rpc error: code = PermissionDenied desc = etcdserver: permission denied",
      "sign in",
      "PERMISSION_DENIED",
    ],
    ["etcdserver: invalid auth token", "sign in", "UNAUTHENTICATED"],
    [
      "rpc error: code = Unauthenticated desc = etcdserver: invalid auth token",
      "sign in",
      "UNAUTHENTICATED",
    ],
    ["mvcc: watcher range is empty", "end", "FAILED_PRECONDITION"],
    ["", "end", "INVALID_ARGUMENT"],
  ])("makes of %j: %s", (cancelReason, kind, status) => {
    expect(cancelOutcome({ ...answer, cancelReason })).toMatchObject({ kind, error: { status } });
  });

  it("goes on elsewhere without a leader, or without a reason", () => {
    const cancelReason = "rpc error: code = Unavailable desc = etcdserver: no leader";
    expect(cancelOutcome({ ...answer, cancelReason })).toEqual({ kind: "move" });
    expect(cancelOutcome({ ...answer, created: false })).toEqual({ kind: "move" });
  });

  it("ends a watch that begins before what etcd keeps", () => {
    expect(cancelOutcome({ ...answer, compactRevision: 5n })).toMatchObject({
      kind: "end",
      error: { name: "CompactedError", compactRevision: 5n },
    });
  });
});

describe("decodeGrpcMessage", () => {
  it("decodes what is encoded, and leaves the rest", () => {
    expect(decodeGrpcMessage("100%25 %C3%A4 %zz %")).toBe("100% ä %zz %");
    expect(decodeGrpcMessage("plain")).toBe("plain");
  });
});
