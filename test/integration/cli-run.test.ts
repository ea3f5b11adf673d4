import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type EtcdServer, etcdVersions, startEtcd } from "../support/etcd-server.ts";
import { eventually } from "../support/eventually.ts";
import { lockKeys, nothingLeft, soon, waitersOf } from "../support/server-state.ts";
import { type Cli, endAll, startCli, startProgram } from "../support/start-cli.ts";

// Says "start" with the time, and "end" when it is told to stop; `exec` keeps it one process.
const script = (onTerm: string, then = "while :; do sleep 0.02; done"): string =>
  `trap '${onTerm}' TERM; echo start $(date +%s%N); ${then}`;
const endsAtOnce = script("echo end $(date +%s%N); exit 3");
const endsLate = script("sleep 0.4; echo end $(date +%s%N); exit 3");

for (const version of etcdVersions()) {
  describe(`microlock run on etcd ${version}`, () => {
    let server: EtcdServer;
    const run = (args: readonly string[], env?: NodeJS.ProcessEnv): Cli =>
      startCli(server.endpoint, ["run", ...args], env);
    const code = async (...args: string[]): Promise<unknown> => run(args).ended();

    beforeAll(async () => {
      server = await startEtcd({ version });
    });

    afterAll(async () => {
      await nothingLeft(server);
      await server.stop();
    });

    afterEach(async () => {
      endAll();
      await soon(async () => expect(await lockKeys(server)).toEqual([]));
    });

    describe("ends with", () => {
      it.each<[string, readonly string[], number]>([
        ["the command's own code", ["codes", "--", "sh", "-c", "exit 7"], 7],
        ["0 of a command that says so", ["codes", "--", "true"], 0],
        ["128 and the number of a signal", ["codes", "-c", "kill -KILL $$"], 137],
        ["127 if there is no such command", ["codes", "--", "/nowhere/at-all"], 127],
        ["126 if it cannot be run", ["codes", "--", "/etc/passwd"], 126],
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
        const holder = run(["taken", "--", "sh", "-c", "echo start; cat"]);
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
      const child = run([
        "streams",
        "--",
        "sh",
        "-c",
        'cat; echo "$1|$2" >&2',
        "x",
        "a b",
        "$HOME",
      ]);
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
      const main = (name: string): string => `"$0" "$1" run ${name} -- true; echo ${name} $?`;
      const cli = new URL("../../dist/cli/main.cjs", import.meta.url).pathname;
      const inside = `${main("outer")}; ${main("inner")}`;
      const child = run(["outer", "-c", inside, "--", process.execPath, cli]);

      expect(await child.ended()).toBe(0);
      expect(child.stdout).toBe("outer 75\ninner 0\n");
      expect(child.stderr).toContain('"outer" is held by the command that runs this one');
    });

    it("takes turns with etcdctl lock", async () => {
      const holder = run(["turns", "--", "sh", "-c", "echo start; cat"]);
      await holder.prints("start");
      const etcdctl = startProgram(server.binaries.etcdctl ?? "etcdctl", [
        `--endpoints=${server.endpoint}`,
        ...["lock", "microlock/turns", "--", "sh", "-c", "echo theirs"],
      ]);
      await waitersOf(server, "microlock/turns", 3);
      const last = run(["turns", "--", "echo", "ours"]);
      await waitersOf(server, "microlock/turns", 5);

      expect(etcdctl.stdout + last.stdout).toBe("");
      holder.stdin.end();

      await Promise.all([holder, etcdctl, last].map((each) => each.ended()));
      expect([etcdctl.stdout, last.stdout]).toEqual(["theirs\n", "ours\n"]);
    });

    it("lets readers share, writers not, and so many permits", async () => {
      const hold = ["--", "sh", "-c", "echo start; cat"];
      const readers = [run(["rw", "-s", ...hold]), run(["rw", "-s", ...hold])];
      const permits = [run(["sem", "-N2", ...hold]), run(["sem", "-N2", ...hold])];
      await Promise.all([...readers, ...permits].map((each) => each.prints("start")));

      expect(await code("rw", "-n", "--", "true")).toBe(75);
      expect(await code("sem", "-n", "-N", "2", "--", "true")).toBe(75);
      expect(await code("sem", "-n", "-N", "3", "--", "true")).toBe(64);
      for (const each of [...readers, ...permits]) each.stdin.end();
      await Promise.all([...readers, ...permits].map((each) => each.ended()));
    });

    it("takes several locks at once, all or none", async () => {
      const holder = run(["two", "--name", "one", "--", "sh", "-c", "echo start; cat"]);
      await holder.prints("start");

      expect(await code("one", "-n", "--", "true")).toBe(75);
      expect(await code("--name=three", "--name=two", "-n", "--", "true")).toBe(75);
      holder.stdin.end();
      await holder.ended();
      expect(await code("three", "-n", "--", "true")).toBe(0);
    });

    it("keeps others out for --min-hold, however short the command is", async () => {
      expect(await code("short", "--min-hold", "2s", "--", "true")).toBe(0);
      expect(await code("short", "-n", "--", "true")).toBe(75);
      expect(await code("short", "-w", "10s", "--", "true")).toBe(0);
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
          const holder = run(["queue", "--", "sh", "-c", "echo start; cat"]);
          await holder.prints("start");
          const waiter = run(["queue", "--", "echo", "never"]);
          await waitersOf(server, "microlock/queue", 4);

          waiter.signal(signal);
          waiter.signal(signal);

          expect(await waiter.ended()).toBe(expected);
          expect(waiter.stdout).toBe("");
          expect(await lockKeys(server)).toHaveLength(2);
          holder.stdin.end();
          await holder.ended();
        },
      );

      it.each<NodeJS.Signals>(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"])(
        "passes %s on to the command and its children, each time, and ends as it does",
        async (signal) => {
          const name = signal.slice(3);
          const grandchild = `sh -c 'trap "echo grandchild" ${name}; echo ready $$; while :; do sleep 0.02; done' &`;
          const twice = `n=0; trap 'n=$((n+1)); echo got $n; [ $n -lt 2 ] || exit 4' ${name}`;
          const child = run([
            "passed",
            "-c",
            `${grandchild} ${twice}; while :; do sleep 0.02; done`,
          ]);
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
          await soon(async () => expect(await lockKeys(server)).toEqual([]));
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

    describe("when the lock is lost", () => {
      const etcdctlTakes = {
        "the lease is revoked": (key: string) => [
          "lease",
          "revoke",
          key.split("/").at(-1)?.split("-")[0] ?? "",
        ],
        "the key is deleted": (key: string) => ["del", key],
      };

      for (const [how, taking] of Object.entries(etcdctlTakes)) {
        it.each([
          ["ends at once", endsAtOnce],
          ["takes its time", endsLate],
        ])(
          `lets the next one in only after the command has ended, that ${how} and it %s`,
          async (_, holding) => {
            const holder = run(["after", "-c", holding]);
            await holder.prints("start");
            const [key = ""] = (await lockKeys(server)).filter((each) => !each.includes("kept"));
            const next = run(["after", "-c", "echo next $(date +%s%N)"]);
            const etcdctl = startProgram(server.binaries.etcdctl ?? "etcdctl", [
              `--endpoints=${server.endpoint}`,
              ...["lock", "microlock/after", "--", "sh", "-c", "echo next $(date +%s%N)"],
            ]);
            await waitersOf(server, "microlock/after", 5);

            await server.etcdctl(...taking(key));

            const codes = await Promise.all([holder, next, etcdctl].map((each) => each.ended()));
            expect(codes).toEqual([79, 0, 0]);
            expect(holder.stderr).toMatch(/^microlock run: Lock "after" was lost: /);
            const end = timeOf(holder, "end");
            expect(timeOf(next, "next")).toBeGreaterThan(end);
            expect(timeOf(etcdctl, "next")).toBeGreaterThan(end);
          },
        );
      }

      it("kills a command that does not stop, with all that it has started, before anybody gets in", async () => {
        const deaf = `trap '' TERM; sh -c 'trap "" TERM; while :; do sleep 0.02; date +%s%N >> "$0"; done' "$0" & `;
        const file = `${server.dataFolder}/deaf`;
        const holder = run([
          ...["deaf", "--kill-after", "300ms", "--lost-exit-code", "99", "-c"],
          ...[`${deaf} echo start; wait; wait; sleep 100`, "--", file],
        ]);
        await holder.prints("start");
        const [key = ""] = (await lockKeys(server)).filter((each) => !each.includes("kept"));
        const next = run([
          "deaf",
          "-c",
          'echo next $(date +%s%N); sleep 0.2; echo last $(tail -n 1 "$0")',
          "--",
          file,
        ]);
        await waitersOf(server, "microlock/deaf", 4);

        await server.etcdctl("del", key);

        expect(await Promise.all([holder.ended(), next.ended()])).toEqual([99, 0]);
        expect(timeOf(next, "next")).toBeGreaterThan(timeOf(next, "last"));
      });

      it("runs --on-lost, sends --signal, and says why in JSON", async () => {
        const holder = run([
          ...["told", "--json", "--signal", "USR1", "--on-lost", "echo lost $MICROLOCK_LOSS"],
          ...["-c", "trap 'echo usr1; exit 0' USR1; echo start; while :; do sleep 0.02; done"],
        ]);
        await holder.prints("start");
        const [key = ""] = (await lockKeys(server)).filter((each) => !each.includes("kept"));

        await server.etcdctl("del", key);

        expect(await holder.ended()).toBe(79);
        expect(holder.stdout.split("\n").filter(Boolean).sort()).toEqual([
          "lost deleted",
          "start",
          "usr1",
        ]);
        const events = holder.stderr
          .trim()
          .split("\n")
          // What the shell itself says of a signal comes there, too.
          .filter((line) => line.startsWith("{"))
          .map((line) => JSON.parse(line));
        expect(events.map(({ event }) => event)).toEqual(["acquired", "lost", "ended"]);
        expect(events[1]).toMatchObject({ reason: "deleted" });
      });

      it("ends the command in time when etcd does not answer any more", async () => {
        const alone = await startEtcd({ version });
        try {
          const holder = startCli(alone.endpoint, ["run", "cut", "--ttl", "2s", "-c", endsAtOnce]);
          await holder.prints("start");
          const startedAt = timeOf(holder, "start");
          alone.signal("SIGSTOP");

          expect(await holder.ended()).toBe(79);
          expect(timeOf(holder, "end") - startedAt).toBeLessThan(2_500);
        } finally {
          alone.signal("SIGCONT");
          await alone.stop();
        }
      });
    });

    describe("when microlock itself", () => {
      it("is killed, ends the command and its children, and lets nobody in before", async () => {
        const file = `${server.dataFolder}/orphan`;
        const orphan = `trap '' TERM; while :; do sleep 0.02; date +%s%N >> "$0"; done`;
        const holder = run([
          "killed",
          "--ttl",
          "2s",
          "--kill-after",
          "300ms",
          "-c",
          `echo start; ${orphan}`,
          "--",
          file,
        ]);
        await holder.prints("start");
        const next = run([
          "killed",
          "-c",
          'echo next $(date +%s%N); sleep 0.2; echo last $(tail -n 1 "$0")',
          "--",
          file,
        ]);
        await waitersOf(server, "microlock/killed", 4);

        holder.signal("SIGKILL");

        expect(await next.ended()).toBe(0);
        expect(timeOf(next, "next")).toBeGreaterThan(timeOf(next, "last"));
      });

      it("is stopped for longer than the lock lives, ends the command before anybody gets in", async () => {
        const holder = run(["stopped", "--ttl", "2s", "--kill-after", "300ms", "-c", endsAtOnce]);
        await holder.prints("start");
        const next = run(["stopped", "-c", "echo next $(date +%s%N)"]);
        await waitersOf(server, "microlock/stopped", 4);

        holder.signal("SIGSTOP");
        expect(await next.ended()).toBe(0);
        holder.signal("SIGCONT");

        expect(await holder.ended()).toBe(79);
        expect(timeOf(next, "next")).toBeGreaterThan(timeOf(holder, "end"));
      });
    });
  });
}

/** When something was printed, in milliseconds. */
function timeOf({ stdout }: Cli, what: string): number {
  const [, nanoseconds] = new RegExp(`^${what} (\\d+)$`, "m").exec(stdout) ?? [];
  if (nanoseconds === undefined) throw new Error(`No ${what} in ${JSON.stringify(stdout)}`);
  return Number(BigInt(nanoseconds) / 1_000n) / 1_000;
}
