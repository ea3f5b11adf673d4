import { beforeEach, describe, expect, it } from "vitest";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import { FakeIo } from "../support/fake-io.ts";
import { keysBelow, keysIn } from "../support/store-keys.ts";

let etcd: EmbeddedEtcd;
let io: FakeIo;

beforeEach(() => {
  etcd = new EmbeddedEtcd();
  io = new FakeIo(etcd);
});

describe("microlock lock", () => {
  it("says its token, and lets go when its stdin ends", async () => {
    const ending = io.run("lock", "x");
    const said = await io.stdout.line();
    const held = await keysBelow(etcd, "microlock/x/", 1);

    io.stdin.end();

    expect(await ending).toBe(0);
    expect(said).toMatch(/^\d+\n$/);
    expect(held).toHaveLength(1);
    expect(await keysIn(etcd)).toEqual([]);
    expect(io.stderr.text).toBe("");
  });

  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "lets go by %s, and ends with 0",
    async (signal) => {
      const ending = io.run("lock", "x");
      await io.stdout.line();

      io.send(signal);

      expect(await ending).toBe(0);
      expect(await keysIn(etcd)).toEqual([]);
    },
  );

  it("says why it was lost, and ends with 79 at once", async () => {
    const ending = io.run("lock", "x");
    await io.stdout.line();
    const [key = ""] = await keysBelow(etcd, "microlock/x/", 1);

    await etcd.txn({ success: [{ op: "deleteRange", request: { key: Buffer.from(key) } }] });

    expect(await ending).toBe(79);
    expect(io.stderr.text).toMatch(/^microlock lock: .*\bdeleted\b.*\n$/);
  });

  it("tells it as JSON, with the token as a string", async () => {
    const ending = io.run("lock", "x", "--json");
    await io.stdout.line();
    io.stdin.end();
    await ending;

    const events = io.stdout.text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events).toMatchObject([
      { event: "acquired", names: ["x"], token: expect.stringMatching(/^\d+$/) },
      { event: "released" },
    ]);
  });

  describe("while somebody else has it", () => {
    let other: FakeIo;
    let holding: Promise<number>;

    beforeEach(async () => {
      other = new FakeIo(etcd);
      holding = other.run("lock", "x");
      await other.stdout.line();
    });

    it("ends with 75 if it is not to wait, or with what -E says", async () => {
      expect(await io.run("lock", "-n", "x")).toBe(75);
      expect(await io.run("lock", "-n", "-E", "3", "x")).toBe(3);
      expect(io.stdout.text).toBe("");
      other.stdin.end();
      await holding;
    });

    it("gets it when it is let go of", async () => {
      const ending = io.run("lock", "x");
      await keysBelow(etcd, "microlock/x/", 2);
      other.stdin.end();
      expect(await holding).toBe(0);

      expect(BigInt((await io.stdout.line()).trim())).toBeGreaterThan(
        BigInt(other.stdout.text.trim()),
      );
      io.stdin.end();
      expect(await ending).toBe(0);
    });

    it("leaves nothing when a signal, or the end of stdin, comes before its turn", async () => {
      const byEnd = new FakeIo(etcd);
      const endings = [io.run("lock", "x"), byEnd.run("lock", "x")];
      await keysBelow(etcd, "microlock/x/", 3);

      io.send("SIGTERM");
      byEnd.stdin.end();

      expect(await Promise.all(endings)).toEqual([143, 129]);
      expect(io.stderr.text).toBe("");
      expect(byEnd.stderr.text).toBe("microlock lock: stdin was closed before our turn had come\n");
      expect(await keysBelow(etcd, "microlock/x/", 1)).toHaveLength(1);
      other.stdin.end();
      await holding;
    });

    it("shares it if both ask so", async () => {
      other.stdin.end();
      await holding;
      const readers = [new FakeIo(etcd), new FakeIo(etcd)];

      const endings = readers.map((reader) => reader.run("lock", "-s", "x"));
      await Promise.all(readers.map((reader) => reader.stdout.line()));

      for (const reader of readers) reader.stdin.end();
      expect(await Promise.all(endings)).toEqual([0, 0]);
    });
  });

  it("heeds a signal that came before anything else", async () => {
    const ending = io.run("lock", "x");
    io.send("SIGTERM");

    expect(await ending).toBe(143);
    expect(await keysIn(etcd)).toEqual([]);
  });

  it("refuses what contradicts itself", async () => {
    expect(await io.run("lock", "-n", "-w", "1", "x")).toBe(64);
    expect(await io.run("lock", "-s", "--name", "y", "x")).toBe(64);
    expect(await io.run("lock")).toBe(64);
    expect(io.stderr.text).toContain("--nonblock and --wait exclude each other");
  });
});
