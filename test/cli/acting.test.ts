import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { commands } from "../../src/cli/commands.ts";
import { CompactedError, StoreUnavailableError } from "../../src/errors.ts";
import type { WatchObserver } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { FakeIo, type FakeIoOptions } from "../support/fake-io.ts";
import { settle } from "../support/simulated-clock.ts";

describe("the commands that wait and act", () => {
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
    bench.etcd.override("watch", undefined);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  // So that whoever settles finds them at work.
  beforeAll(() => Promise.all(commands.map((spec) => spec.load())));

  const world = (options: FakeIoOptions = {}): FakeIo =>
    new FakeIo(bench.etcd, { clock: bench.clock, ...options });

  describe("watch", () => {
    it("writes a line for each event of a lock, until it is told to end", async () => {
      const io = world();
      const ended = io.run("watch", "jobs");
      await settle();
      await one.run("jobs", { reason: "in\nvoices" }, () => {});
      await one.run("others", () => {});
      await settle();
      const time = "2027-01-15T08:00:00.000Z";
      expect(io.stdout.lines).toEqual(
        ["joined", "acquired", "released"].map(
          (type) => `${time}\t${type}\tjobs\tone\texclusive\t5\tin\\nvoices`,
        ),
      );
      io.send("SIGINT");
      expect(await ended).toBe(130);
    });

    it("tells of all locks, or of those below a prefix, in JSON too", async () => {
      const io = world();
      const all = io.run("watch");
      const some = world();
      const below = some.run("watch", "--prefix", "orders/", "--json");
      await settle();
      await one.run("orders/1", () => {});
      await two.run("jobs", () => {});
      await settle();
      expect(io.stdout.lines.map((line) => line.split("\t").slice(1, 4).join(" "))).toEqual([
        "joined orders/1 one",
        "acquired orders/1 one",
        "released orders/1 one",
        "joined jobs two",
        "acquired jobs two",
        "released jobs two",
      ]);
      expect(some.stdout.lines).toHaveLength(3);
      expect(JSON.parse(some.stdout.lines[1] ?? "")).toMatchObject({
        time: "2027-01-15T08:00:00.000Z",
        event: "acquired",
        name: "orders/1",
        nodeId: "one",
        mode: "exclusive",
        token: "6",
        revision: "6",
      });
      for (const each of [io, some]) each.send("SIGTERM");
      expect(await Promise.all([all, below])).toEqual([143, 143]);
      const wrong = world();
      expect(await wrong.run("watch", "jobs", "--prefix", "x")).toBe(64);
    });

    it("says when etcd does not answer, and when it does again, once each", async () => {
      const io = world();
      const ended = io.run("watch", "jobs");
      await bench.clock.advance(4_000);
      expect(io.stderr.text).toBe("");
      bench.etcd.override("txn", async () => {
        throw new StoreUnavailableError("nobody there");
      });
      await bench.clock.advance(5_000);
      bench.etcd.override("txn", undefined);
      await bench.clock.advance(5_000);
      expect(io.stderr.lines).toEqual([
        "microlock watch: etcd does not answer: nobody there",
        "microlock watch: etcd answers again",
      ]);
      io.send("SIGINT");
      await ended;
    });

    it("says when something was missed, and goes on", async () => {
      let observer: WatchObserver | undefined;
      bench.etcd.override("watch", (request, seen) => {
        if (Buffer.from(request.key).toString() === "microlock/jobs/") observer = seen;
        return bench.store.watch(request, seen);
      });
      const io = world();
      const ended = io.run("watch", "jobs");
      await settle();
      observer?.onEnd(new CompactedError(7n));
      await bench.clock.advance(10);
      expect(io.stderr.text).toMatch(
        /^microlock watch: something is missing here. What happens to/,
      );
      await one.run("jobs", () => {});
      await settle();
      expect(io.stdout.lines).toHaveLength(3);
      io.send("SIGINT");
      await ended;
    });

    it("says to people that it watches, and whom it tells of in colours only if they see them", async () => {
      const io = world({ isTerminal: true, hasColour: true, columns: 40 });
      const ended = io.run("watch");
      await settle();
      await one.run("jobs", { reason: "\u001b]0;owned\u0007" }, () => {});
      await settle();
      expect(io.stderr.text).toBe("microlock watch: watching locks; Ctrl-C ends this\n");
      expect(io.stdout.lines[1]).toContain("\u001b[32macquired  \u001b[0m\u001b[1mjobs\u001b[0m");
      expect(io.stdout.text).toContain("\\x1b]0;owned\\x07");
      io.send("SIGINT");
      await ended;
    });
  });

  describe("wait", () => {
    it("ends with 0 once the lock is free, and takes nothing", async () => {
      const hold = await one.acquire("jobs");
      const io = world();
      const ended = io.run("wait", "jobs");
      await settle();
      expect(await bench.keys()).toHaveLength(1);
      await hold.release();
      expect(await ended).toBe(0);
      expect(io.stdout.text + io.stderr.text).toBe("");
    });

    it("ends with 75 when the time is over, and says who has it", async () => {
      await one.acquire("jobs", { reason: "\u001b[31mred" });
      const io = world();
      const ended = io.run("wait", "-w", "2s", "jobs");
      await settle();
      await bench.clock.advance(2_000);
      expect(await ended).toBe(75);
      expect(io.stderr.text).toBe(
        'microlock wait: Lock "jobs" is already locked by one (\\x1b[31mred)\n',
      );
    });

    it("only looks with -n, and says nothing with -q", async () => {
      const quiet = world();
      expect(await quiet.run("wait", "-n", "jobs")).toBe(0);
      await one.acquire("jobs");
      expect(await quiet.run("wait", "-nq", "jobs")).toBe(75);
      expect(quiet.stderr.text).toBe("");
      expect(await quiet.run("wait", "-n", "-w", "1", "jobs")).toBe(64);
    });

    it("ends at once when it is told to", async () => {
      await one.acquire("jobs");
      const io = world();
      const ended = io.run("wait", "jobs");
      await settle();
      io.send("SIGINT");
      expect(await ended).toBe(130);
    });
  });

  describe("release", () => {
    const forced = ["release", "--force", "jobs", "--reason", "hangs", "--by", "Ada"] as const;

    it("takes the lock away, and says from whom", async () => {
      const hold = await one.acquire("jobs", { reason: "backup" });
      hold.signal.addEventListener("abort", () => void hold.release().catch(() => {}));
      const io = world();
      expect(await io.run(...forced, "--yes")).toBe(0);
      expect(io.stdout.text).toBe("jobs\tone\t4\t2027-01-15T08:00:00.000Z\tbackup\n");
      expect(hold.signal.reason.cause).toMatchObject({ by: "Ada", reason: "hangs" });
    });

    it("says that nobody holds it, which is what was wanted", async () => {
      const io = world();
      expect(await io.run(...forced, "--yes")).toBe(0);
      expect(io.stderr.text).toBe('Nobody holds "jobs".\n');
      const json = world();
      expect(await json.run(...forced, "--yes", "--json")).toBe(0);
      expect(JSON.parse(json.stdout.text)).toEqual({ name: "jobs", released: [] });
    });

    it("hits only the holder with the token that it was given", async () => {
      const hold = await one.acquire("jobs");
      const io = world();
      expect(await io.run(...forced, "--yes", "--token", "3")).toBe(0);
      expect(io.stderr.text).toBe('Nobody holds "jobs" with that token.\n');
      expect(hold.held).toBe(true);
      const json = world();
      const ended = json.run(...forced, "-y", "--json", "--grace", "1", "--token", "4");
      await settle();
      await bench.clock.advance(1_000);
      expect(await ended).toBe(0);
      expect(JSON.parse(json.stdout.text)).toMatchObject({
        released: [{ nodeId: "one", token: "4" }],
      });
      expect(hold.held).toBe(false);
    });

    for (const [answer, code, isTaken] of [
      ["y\n", 0, true],
      ["YES\n", 0, true],
      ["\n", 1, false],
      ["no\n", 1, false],
      ["yesterday\n", 1, false],
      [undefined, 1, false],
    ] as const) {
      it(`asks on a terminal, and takes ${JSON.stringify(answer)} for ${isTaken}`, async () => {
        const hold = await one.acquire("jobs", { reason: "backup" });
        const io = world({ isTerminal: true });
        const ended = io.run(...forced, "--grace", "1");
        await settle();
        expect(io.stderr.text).toMatch(
          /^Held by one: host \S+, process \d+, token 4, asked 0 ms ago, for backup.\n/,
        );
        expect(io.stderr.text).toMatch(/\nTake "jobs" away from one\? \[y\/N\] $/);
        expect(hold.held).toBe(true);
        io.stdin.end(answer);
        await settle();
        await bench.clock.advance(1_000);
        expect(await ended).toBe(code);
        expect(hold.held).toBe(!isTaken);
      });
    }

    it("does not hit whoever got the lock while it was asking", async () => {
      const first = await one.acquire("jobs");
      const io = world({ isTerminal: true });
      const ended = io.run(...forced);
      await settle();
      await first.release();
      const second = await two.acquire("jobs");
      io.stdin.end("y\n");
      expect(await ended).toBe(0);
      expect(second.held).toBe(true);
      expect(io.stderr.text).toMatch(/Nobody of those holds "jobs" any more\.\n$/);
    });

    it("asks once for all who share it", async () => {
      const holds = [
        await one.rwLock("jobs").read.acquire(),
        await two.rwLock("jobs").read.acquire(),
      ];
      const io = world({ isTerminal: true });
      const ended = io.run(...forced, "--grace", "1");
      await settle();
      expect(io.stderr.text).toMatch(/Take "jobs" away from these 2\?/);
      io.stdin.end("y\n");
      await settle();
      await bench.clock.advance(1_000);
      expect(await ended).toBe(0);
      expect(holds.map(({ held }) => held)).toEqual([false, false]);
      expect(io.stdout.lines).toHaveLength(2);
    });

    it("is told to end while it asks, and does nothing", async () => {
      const hold = await one.acquire("jobs");
      const io = world({ isTerminal: true });
      const ended = io.run(...forced);
      await settle();
      io.send("SIGINT");
      expect(await ended).toBe(130);
      expect(hold.held).toBe(true);
    });

    it("is a mistake without --force, without a reason, and without somebody to ask", async () => {
      for (const [argv, words] of [
        [["release", "jobs"], "add --force"],
        [["release", "--force", "jobs"], "--reason is missing"],
        [forced, "add --yes"],
        [[...forced, "-y", "--token", "x"], "--token must be a number"],
      ] as const) {
        const io = world();
        expect(await io.run(...argv)).toBe(64);
        expect(io.stderr.text).toContain(words);
      }
    });
  });
});
