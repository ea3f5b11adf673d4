import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EtcdServer, etcdVersions, startEtcd } from "../support/etcd-server.ts";
import { Onlooker } from "../support/onlooker.ts";
import { nothingLeft } from "../support/server-state.ts";
import { type Cli, endAll, startCli, timeOf } from "../support/start-cli.ts";

// What becomes of a command whose lock is lost, on real servers. What does not depend on etcd is
// in test/package/cli-run.test.ts, what etcdctl does worse in field.test.ts.

const time = "$(date +%s%N)";
const endsAtOnce = `trap 'echo end ${time}; exit 3' TERM; echo start ${time}; while :; do sleep 100; done`;
// Goes on for as long as it can, and leaves behind when it did so last.
const deaf = `trap '' TERM; while :; do sleep 0.02; date +%s%N >> "$0"; done`;
// Comes next, and then waits for as long as somebody may still be there.
const comesNext = `echo next ${time}; sleep 0.2; echo last $(tail -n 1 "$0")`;

for (const version of etcdVersions()) {
  describe.concurrent(`microlock run on etcd ${version}`, () => {
    let server: EtcdServer;
    let onlooker: Onlooker;
    const run = (...args: string[]): Cli => startCli(server.endpoint, ["run", ...args]);

    beforeAll(async () => {
      server = await startEtcd({ version });
      onlooker = await Onlooker.at(server.endpoint);
    });

    afterAll(async () => {
      endAll();
      await onlooker.nothingIsLeft();
      await onlooker[Symbol.asyncDispose]();
      await nothingLeft(server);
      await server.stop();
    });

    describe("when the lock is lost", () => {
      it("kills a command that does not stop, with all that it has started, before anybody gets in", async () => {
        const file = `${server.dataFolder}/deaf`;
        const holder = run(
          ...["deaf", "--kill-after", "300ms", "--lost-exit-code", "99", "-c"],
          ...[`sh -c '${deaf.replaceAll("'", '"')}' "$0" & echo start; trap '' TERM; wait; wait`],
          ...["--", file],
        );
        await holder.prints("start");
        const next = run("deaf", "-c", comesNext, "--", file);
        await onlooker.waitersAre("deaf", 1);

        await onlooker.deleteKeyOf("deaf");

        expect(await Promise.all([holder.ended(), next.ended()])).toEqual([99, 0]);
        expect(timeOf(next, "next")).toBeGreaterThan(timeOf(next, "last"));
      });

      it("runs --on-lost, sends --signal, and says why in JSON", async () => {
        const holder = run(
          ...["told", "--json", "--signal", "USR1", "--on-lost", "echo lost $MICROLOCK_LOSS"],
          ...["-c", "trap 'echo usr1; exit 0' USR1; echo start; while :; do sleep 100; done"],
        );
        await holder.prints("start");

        await onlooker.deleteKeyOf("told");

        expect(await holder.ended()).toBe(79);
        const said = holder.stdout.split("\n").filter(Boolean).sort();
        expect(said).toEqual(["lost deleted", "start", "usr1"]);
        // What the shell itself says of a signal comes there, too.
        const lines = holder.stderr.split("\n").filter((line) => line.startsWith("{"));
        const events = lines.map((line) => JSON.parse(line));
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
        const holder = run(
          ...["killed", "--ttl", "2s", "--kill-after", "300ms"],
          ...["-c", `echo start; ${deaf}`, "--", file],
        );
        await holder.prints("start");
        const next = run("killed", "-c", comesNext, "--", file);
        await onlooker.waitersAre("killed", 1);

        holder.signal("SIGKILL");

        expect(await next.ended()).toBe(0);
        expect(timeOf(next, "next")).toBeGreaterThan(timeOf(next, "last"));
      });

      it("is stopped for longer than the lock lives, ends the command before anybody gets in", async () => {
        const holder = run("stopped", "--ttl", "2s", "--kill-after", "300ms", "-c", endsAtOnce);
        await holder.prints("start");
        const next = run("stopped", "-c", `echo next ${time}`);
        await onlooker.waitersAre("stopped", 1);

        holder.signal("SIGSTOP");
        expect(await next.ended()).toBe(0);
        holder.signal("SIGCONT");

        expect(await holder.ended()).toBe(79);
        expect(timeOf(next, "next")).toBeGreaterThan(timeOf(holder, "end"));
      });
    });
  });
}
