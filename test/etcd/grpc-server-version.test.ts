import { describe, expect, it, vi } from "vitest";
import {
  decodeServerVersion,
  versionWarning,
  warnOfVersion,
} from "../../src/etcd/grpc/server-version.ts";
import { message } from "../support/protobuf-messages.ts";

describe("warnOfVersion", () => {
  it("warns once of each version", () => {
    const emit = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    for (const version of ["3.5.1", "3.5.1", "3.5.0", "3.5.30"]) warnOfVersion(version);
    expect(emit.mock.calls.map(([warning]) => String(warning).slice(0, 10))).toEqual([
      "etcd 3.5.1",
      "etcd 3.5.0",
    ]);
    emit.mockRestore();
  });
});

describe("versionWarning", () => {
  it("warns of what is too old, or known to lose data", () => {
    expect(decodeServerVersion(message((writer) => writer.string(2, "3.5.1")))).toBe("3.5.1");
    expect(versionWarning("3.3.27")).toMatch(/too old/);
    for (const version of ["3.5.0", "3.5.2", "3.5.0-rc.1"]) {
      expect(versionWarning(version)).toMatch(/lose data/);
    }
    for (const version of ["3.4.0", "3.4.23", "3.5.3", "3.5.30", "3.6.0", "4.0.0", ""]) {
      expect(versionWarning(version)).toBeUndefined();
    }
  });
});
