import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../src/errors.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { FakeIo, type FakeIoOptions } from "../support/fake-io.ts";
import { deleteKey, putKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

// Another screen without a cursor, and back.
const enter = "\u001b[?1049h\u001b[?25l";
const leave = "\u001b[?25h\u001b[?1049l";
const time = "2027-01-15T08:00:00.000Z";

describe("the commands that look", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client({ nodeId: "one" });
    two = await bench.client({ nodeId: "two" });
  });

  afterEach(async () => {
    bench.etcd.override("txn", undefined);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  const world = (options: FakeIoOptions = {}): FakeIo =>
    new FakeIo(bench.etcd, { clock: bench.clock, ...options });

  const asks = async (asking: Promise<unknown>): Promise<void> => {
    asking.catch(() => {});
    await settle();
  };

  describe("ls", () => {
    it("writes a line for each lock, by its name, with the same fields always", async () => {
      await one.acquire("b/1", { reason: "back\tup" });
      await asks(two.acquire("b/1"));
      await two.rwLock("a\n").read.acquire();
      await one.rwLock("a\n").read.acquire();
      await putKey(bench.store, "microlock/zz/config");
      const io = world();

      expect(await io.run("ls")).toBe(0);
      expect(io.stdout.lines).toEqual([
        `a\\n\tread\t2\t0\t6\t${time}\ttwo\t-`,
        `b/1\texclusive\t1\t1\t4\t${time}\tone\tback\\tup`,
        "zz\texclusive\t1\t0\t8\t-\tmicrolock/zz/config\t-",
      ]);
      expect(io.stdout.drains).toBe(3);
      expect(io.stderr.text).toBe("");
      await deleteKey(bench.store, "microlock/zz/config");
    });

    it("takes a prefix, and tells in JSON of all who hold", async () => {
      await one.semaphore("exports", 2).acquire();
      await two.semaphore("exports", 2).acquire({ reason: "\u009b2J" });
      await one.acquire("imports");
      const io = world();

      expect(await io.run("ls", "exp", "--json")).toBe(0);
      expect(io.stdout.lines).toHaveLength(1);
      expect(io.stdout.text).not.toContain("\u009b");
      expect(JSON.parse(io.stdout.text)).toMatchObject({
        name: "exports",
        mode: "permits",
        waiters: 0,
        holders: [
          { nodeId: "one", pid: process.pid, since: time, token: "4", expires: true },
          { nodeId: "two", reason: "\u009b2J", token: "5" },
        ],
      });
    });

    it("shows people a table with ages", async () => {
      await one.acquire("nightly", { reason: "backup" });
      await bench.clock.advance(8_000);
      const io = world({ isTerminal: true, columns: 60 });
      expect(await io.run("ls")).toBe(0);
      expect(io.stdout.lines).toEqual([
        "NAME     HOLDER  MODE  TOKEN  AGE  WAIT  REASON",
        "nightly  one               4   8s        backup",
      ]);
    });

    it("says to people that nothing is held, to others nothing", async () => {
      const terminal = world({ isTerminal: true });
      expect(await terminal.run("ls", "x")).toBe(0);
      expect(terminal.stderr.text).toBe('Nothing is held that begins with "x".\n');
      const pipe = world();
      expect(await pipe.run("ls")).toBe(0);
      expect(pipe.stdout.text + pipe.stderr.text).toBe("");
    });

    it("looks again every second with --live, draws at once in another size, and tidies up", async () => {
      const io = world({ isTerminal: true, columns: 50, rows: 6 });
      const ended = io.run("ls", "--live");
      await settle();
      expect(io.stdout.text).toSatisfy((text: string) => text.startsWith(enter));
      expect(io.stdout.text).toContain("Nothing is held.");

      for (const name of ["a", "b", "c", "d", "e"]) await one.acquire(name);
      io.stdout.text = "";
      await bench.clock.advance(1_000);
      expect(io.stdout.text).toContain("a     one");
      expect(io.stdout.text).toContain("… and more");
      expect(io.stdout.text).not.toContain("d     one");

      io.stdout.text = "";
      Object.assign(io.stdout, { rows: 20 });
      io.send("SIGWINCH");
      expect(io.stdout.text).toContain("e     one");

      bench.etcd.override("txn", async () => {
        throw new StoreUnavailableError("nobody there");
      });
      io.stdout.text = "";
      await bench.clock.advance(6_200);
      expect(io.stdout.text).toContain("nobody there");
      expect(io.stdout.text).toContain("e     one");
      bench.etcd.override("txn", undefined);

      io.send("SIGINT");
      expect(await ended).toBe(130);
      expect(io.stdout.text).toSatisfy((text: string) => text.endsWith(leave));
    });

    it("needs a terminal for --live", async () => {
      const io = world();
      expect(await io.run("ls", "--live")).toBe(64);
      expect(io.stderr.text).toContain("--live needs a terminal");
    });
  });

  describe("inspect", () => {
    it("writes a line for each who holds or waits, in the order of their turns", async () => {
      const hold = await one.acquire("jobs", { reason: "backup" });
      await asks(two.rwLock("jobs").write.acquire());
      const io = world();
      expect(await io.run("inspect", "jobs")).toBe(0);
      const [first, second] = io.stdout.lines.map((line) => line.split("\t"));
      const lease = hold.lease.toString(16);
      expect(first?.slice(0, 6)).toEqual(["0", "one", "exclusive", "4", time, "9"]);
      expect(first?.slice(7)).toEqual([String(process.pid), lease, hold.key, "backup"]);
      expect(second?.slice(0, 4)).toEqual(["1", "two", "write", "5"]);
      expect(io.stderr.text).toBe("");
    });

    it("says by 1 that nobody holds it", async () => {
      const io = world();
      expect(await io.run("inspect", "jobs")).toBe(1);
      expect(io.stdout.text).toBe("");
      expect(io.stderr.text).toBe('Nobody holds "jobs".\n');
      const json = world();
      expect(await json.run("inspect", "jobs", "--json")).toBe(1);
      expect(JSON.parse(json.stdout.text)).toEqual({ name: "jobs", holders: [], waiters: [] });
    });

    it("tells of keys that keep others out for ever, and of those that only lie below", async () => {
      await putKey(bench.store, "microlock/zz/config");
      await bench.store.leaseGrant({ id: 0x77n, ttl: 60n });
      await putKey(bench.store, "microlock/zz/sub/77", "", 0x77n);
      const io = world();
      expect(await io.run("inspect", "zz")).toBe(0);
      expect(io.stderr.lines).toEqual([
        "microlock/zz/config has no lease and will never expire: delete it to free the lock, with etcdctl del.",
        "microlock/zz/sub/77 belongs to no queue of this lock, but lies below its key, and so keeps others out.",
      ]);
      const json = world();
      await json.run("inspect", "zz", "--json");
      expect(JSON.parse(json.stdout.text)).toMatchObject({
        holders: [{ key: "microlock/zz/config", isForeign: true, expires: false }],
        waiters: [{ key: "microlock/zz/sub/77", lease: "77", expires: true, ttlLeftMs: 60_000 }],
      });
      await deleteKey(bench.store, "microlock/zz/config");
      await bench.store.leaseRevoke(0x77n);
    });

    it("tells people the story, in as many columns as there are", async () => {
      await one.semaphore("jobs", 3).acquire({ permits: 2, reason: "evil \u001b[31m red" });
      await asks(two.semaphore("jobs", 3).acquire({ permits: 2 }));
      const io = world({ isTerminal: true, columns: 50 });
      expect(await io.run("inspect", "jobs")).toBe(0);
      expect(io.stdout.lines[0]).toBe("jobs is held by one, and 1 wait.");
      expect(io.stdout.text).toContain("holds  one\n       for evil \\x1b[31m red\n");
      expect(io.stdout.text).toContain("       2 permits, token 4, asked 0 ms ago");
      expect(io.stdout.text).toContain("1      two\n");
      // Only a key, which somebody may want to copy, may stick out.
      const tooLong = io.stdout.lines.filter(({ length }) => length > 50);
      expect(tooLong.every((line) => line.startsWith("       microlock/jobs/"))).toBe(true);
      expect(io.stdout.text).not.toContain("\u001b");
    });
  });

  describe("deadlocks", () => {
    beforeEach(async () => {
      await one.acquire("a");
      await two.acquire("b");
      await asks(one.acquire("b"));
    });

    it("shows who waits for whom, and ends with 0 without a cycle", async () => {
      const io = world();
      expect(await io.run("deadlocks")).toBe(0);
      expect(io.stdout.text).toBe(`-\tone\tb\t${time}\ttwo\n`);
      expect(io.stderr.text).toBe("");
    });

    it("ends with 1 when some wait for each other, and says so", async () => {
      await asks(two.acquire("a"));
      const io = world();
      expect(await io.run("deadlocks")).toBe(1);
      expect(io.stdout.lines).toEqual([`1\ttwo\ta\t${time}\tone`, `1\tone\tb\t${time}\ttwo`]);
      expect(io.stderr.text).toMatch(/^A cycle: they wait for each other, unless/);
      const json = world();
      expect(await json.run("deadlocks", "--json")).toBe(1);
      const { waits, cycles } = JSON.parse(json.stdout.text);
      expect(waits).toHaveLength(2);
      expect(cycles).toMatchObject([
        [
          { name: "a", waiter: { nodeId: "two" }, holder: { nodeId: "one", token: "4" } },
          { name: "b", waiter: { nodeId: "one" }, holder: { nodeId: "two" } },
        ],
      ]);
      const dot = world();
      expect(await dot.run("deadlocks", "--dot")).toBe(1);
      expect(dot.stdout.text).toMatch(/^digraph waits \{\n/);
      expect(dot.stdout.text.match(/color=red/g)).toHaveLength(2);
    });
  });
});
