import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { StartedEtcd } from "../../src/testkit/index.ts";
import { eventually } from "../support/eventually.ts";
import { Onlooker } from "../support/onlooker.ts";
import { soon } from "../support/server-state.ts";
import { type Cli, endAll, startProgram } from "../support/start-cli.ts";

// What `microlock run` does with commands, by the command and on an etcd of the installed package.
// What depends on etcd itself is in test/integration/cli-run.test.ts.

const consumer = inject("consumer");
const bin = join(consumer, "node_modules/.bin/microlock");
const untilStdinEnds = ["--", "sh", "-c", "echo start; cat"];

describe.concurrent("microlock run", () => {
  let etcd: StartedEtcd;
  let onlooker: Onlooker;
  const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Cli =>
    startProgram(bin, ["run", ...args], { ETCDCTL_ENDPOINTS: etcd.address, ...env });
  const code = (...args: string[]): Promise<unknown> => run(args).ended();
  const isFree = (name: string): Promise<void> =>
    soon(async () => expect(await onlooker.locks.inspect(name)).toMatchObject({ holders: [] }));

  beforeAll(async () => {
    const testkit = createRequire(join(consumer, "package.json")).resolve("microlock/testkit");
    const { startEtcd } = await import(pathToFileURL(testkit).href);
    etcd = await startEtcd();
    onlooker = await Onlooker.at(etcd.address);
  });

  afterAll(async () => {
    endAll();
    await onlooker.nothingIsLeft();
    await onlooker[Symbol.asyncDispose]();
    await etcd.stop();
  });

  describe("ends with", () => {
    it.each<[string, readonly string[], number]>([
      ["the command's own code", ["codes/own", "--", "sh", "-c", "exit 7"], 7],
      ["0 of a command that says so", ["codes/0", "--", "true"], 0],
      ["128 and the number of a signal", ["codes/signal", "-c", "kill -KILL $$"], 137],
      ["127 if there is no such command", ["codes/127", "--", "/nowhere/at-all"], 127],
      ["126 if it cannot be run", ["codes/126", "--", "/etc/passwd"], 126],
      ["64 without a command", ["codes"], 64],
      ["64 for an option that there is not", ["codes", "--nowhere", "--", "true"], 64],
      ["64 for options that contradict", ["codes", "-n", "-w", "1", "--", "true"], 64],
      ["64 for a number that is none", ["codes", "-N", "0", "--", "true"], 64],
      ["64 for an empty name", ["", "--", "true"], 64],
      ["69 if etcd is not there", ["codes", "--endpoints=127.0.0.1:1", "--", "true"], 69],
    ])("%s", async (_, args, expected) => {
      expect(await code(...args)).toBe(expected);
    });

    it("75 if the lock is taken, or another code that is asked for", async () => {
      const holder = run(["taken", ...untilStdinEnds]);
      await holder.prints("start");

      const codes = await Promise.all([
        code("taken", "-n", "--", "true"),
        code("taken", "-w", "0.2", "--", "true"),
        code("taken", "-n", "-E", "9", "--", "true"),
      ]);
      holder.stdin.end();

      expect(codes).toEqual([75, 75, 9]);
      expect(await holder.ended()).toBe(0);
    });
  });

  it("passes on stdin, arguments and output as they are, and says nothing itself", async () => {
    const size = 8 * 1024 * 1024;
    const command = ["sh", "-c", 'cat; echo "$1|$2" >&2', "x", "a b", "$HOME"];
    const child = run(["streams", "--", ...command]);
    child.stdin.end(Buffer.alloc(size, "0123456789"));

    expect(await child.ended()).toBe(0);
    expect(child.stdout).toHaveLength(size);
    expect(child.stderr).toBe("a b|$HOME\n");
  });

  it("tells the command what is held, in etcdctl's words and its own, over an outer lock", async () => {
    const env = { ETCD_LOCK_KEY: "outer", ETCD_LOCK_REV: "1", MICROLOCK_HELD: "" };
    const child = run(["a/b", "--", "env"], env);

    await child.ended();
    const vars = Object.fromEntries(child.stdout.split("\n").map((line) => line.split("=")));
    expect(vars).toMatchObject({ MICROLOCK_NAME: "a/b", MICROLOCK_HELD: "true" });
    const { MICROLOCK_TOKEN: token, MICROLOCK_LEASE: lease, ETCD_LOCK_KEY: key } = vars;
    expect(key).toMatch(new RegExp(`^microlock/a%2Fb/${lease}-\\d+$`));
    expect(vars).toMatchObject({ ETCD_LOCK_REV: token });
    expect(Number(token)).toBeGreaterThan(1);
  });

  it("fails at once for a lock that the command which runs it holds, but not for others", async () => {
    const inside = (name: string): string => `"$0" run ${name} -- true; echo ${name} $?`;
    const child = run(["outer", "-c", `${inside("outer")}; ${inside("inner")}`, "--", bin]);

    expect(await child.ended()).toBe(0);
    expect(child.stdout).toBe("outer 75\ninner 0\n");
    expect(child.stderr).toContain('"outer" is held by the command that runs this one');
  });

  it("lets readers share, writers not, and so many permits", async () => {
    const readers = [run(["rw", "-s", ...untilStdinEnds]), run(["rw", "-s", ...untilStdinEnds])];
    const permits = [
      run(["sem", "-N2", ...untilStdinEnds]),
      run(["sem", "-N2", ...untilStdinEnds]),
    ];
    await Promise.all([...readers, ...permits].map((each) => each.prints("start")));

    const codes = await Promise.all([
      code("rw", "-n", "--", "true"),
      code("sem", "-n", "-N", "2", "--", "true"),
      code("sem", "-n", "-N", "3", "--", "true"),
    ]);
    expect(codes).toEqual([75, 75, 64]);
    for (const each of [...readers, ...permits]) each.stdin.end();
    await Promise.all([...readers, ...permits].map((each) => each.ended()));
  });

  it("takes several locks at once, all or none", async () => {
    const holder = run(["two", "--name", "one", ...untilStdinEnds]);
    await holder.prints("start");

    expect(await code("one", "-n", "--", "true")).toBe(75);
    expect(await code("--name=three", "--name=two", "-n", "--", "true")).toBe(75);
    holder.stdin.end();
    await holder.ended();
    expect(await code("three", "-n", "--", "true")).toBe(0);
  });

  it("keeps others out for --min-hold, however short the command is", async () => {
    const startedAt = performance.now();

    expect(await code("short", "--min-hold", "2s", "--", "true")).toBe(0);
    const hold = await onlooker.locks.acquire("short");

    expect(performance.now() - startedAt).toBeGreaterThan(2_000);
    await hold.release();
  });

  describe("when a signal comes", () => {
    it.each<[NodeJS.Signals, number]>([
      ["SIGINT", 130],
      ["SIGTERM", 143],
      ["SIGHUP", 129],
      ["SIGQUIT", 131],
    ])(
      "leaves the queue on %s while it waits, even if it comes twice",
      async (signal, expected) => {
        const name = `queue/${signal}`;
        const hold = await onlooker.locks.acquire(name);
        const waiter = run([name, "--", "echo", "never"]);
        await onlooker.waitersAre(name, 1);

        waiter.signal(signal);
        waiter.signal(signal);

        expect(await waiter.ended()).toBe(expected);
        expect(waiter.stdout).toBe("");
        expect(await onlooker.locks.inspect(name)).toMatchObject({ waiters: [] });
        await hold.release();
      },
    );

    it.each<NodeJS.Signals>(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"])(
      "passes %s on to the command and its children, each time, and ends as it does",
      async (signal) => {
        const name = signal.slice(3);
        const wait = "while :; do sleep 0.02; done";
        const grandchild = `sh -c 'trap "echo grandchild" ${name}; echo ready $$; ${wait}' &`;
        const twice = `n=0; trap 'n=$((n+1)); echo got $n; [ $n -lt 2 ] || exit 4' ${name}`;
        const child = run([`passed/${name}`, "-c", `${grandchild} ${twice}; ${wait}`]);
        await child.prints("ready");

        child.signal(signal);
        await child.prints("got 1");
        // A shell starts its background jobs deaf to these two.
        const isHeard = signal !== "SIGINT" && signal !== "SIGQUIT";
        if (isHeard) await child.prints("grandchild");
        expect(child.hasEnded).toBe(false);
        child.signal(signal);
        await child.prints("got 2");
        // The grandchild has our stdout open, as the background job of a command may.
        await isFree(`passed/${name}`);
        const [, pid] = /^ready (\d+)$/m.exec(child.stdout) ?? [];
        process.kill(Number(pid), "SIGKILL");

        expect(await child.ended()).toBe(4);
      },
    );

    it("holds the lock for as long as a command that does not heed SIGTERM goes on", async () => {
      const child = run(["deaf", "-c", "trap '' TERM; echo start; cat; exit 6"]);
      await child.prints("start");

      child.signal("SIGTERM");
      expect(await code("deaf", "-n", "--", "true")).toBe(75);
      child.stdin.end();

      expect(await child.ended()).toBe(6);
    });

    it("stops and goes on with the command", async () => {
      const child = run(["stops", "-c", "while :; do echo tick; sleep 0.02; done"]);
      await child.prints("tick");

      child.signal("SIGTSTP");
      let before = -1;
      await soon(async () => {
        before = child.stdout.length;
        await new Promise((resolve) => setTimeout(resolve, 150));
        expect(child.stdout).toHaveLength(before);
      });
      child.signal("SIGCONT");
      await eventually(() => child.stdout.length > before);
      child.signal("SIGTERM");

      expect(await child.ended()).toBe(143);
    });
  });
});
