import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LedgerFile } from "../../demo/ledger-file.ts";

describe("LedgerFile", () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "microlock-ledger-"));
    path = join(folder, "ledger.json");
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("keeps what was written, with its count and token, in a plain file", () => {
    const ledger = new LedgerFile(path, { fenced: true });

    expect(ledger.write(["a", "b"], 3n)).toBe(true);

    expect(ledger.read(3n)).toEqual(["a", "b"]);
    const contents = JSON.parse(readFileSync(path, "utf8"));
    expect(contents).toEqual({ count: 2, fence: "3", updates: ["a", "b"] });
  });

  it("refuses a writer once its successor has read, though that has written nothing yet", () => {
    const ledger = new LedgerFile(path, { fenced: true });
    const seen = ledger.read(3n);
    ledger.read(4n);

    expect(ledger.write([...seen, "late"], 3n)).toBe(false);

    expect(ledger.updates).toEqual([]);
  });

  it("loses an update to a writer of the past when it takes any token", () => {
    const ledger = new LedgerFile(path, { fenced: false });
    const seen = ledger.read(3n);
    ledger.write([...ledger.read(4n), "in time"], 4n);

    expect(ledger.write([...seen, "late"], 3n)).toBe(true);

    expect(ledger.updates).toEqual(["late"]);
  });
});
