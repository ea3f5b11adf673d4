import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "../../src/cli/args.ts";
import { commands } from "../../src/cli/commands.ts";
import { durationMs, sayMs } from "../../src/cli/duration.ts";
import { planOf } from "../../src/cli/run/plan.ts";
import { runSpec } from "../../src/cli/specs/run.ts";
import { UsageError } from "../../src/cli/usage-error.ts";

const commandOf = (...argv: string[]): readonly string[] => parse(runSpec, argv).command;

describe("parse", () => {
  it("takes all behind -- for the command, and options of ours only before that", () => {
    expect(commandOf("x", "-n", "--", "cmd", "-n", "--", "y")).toEqual(["cmd", "-n", "--", "y"]);
    expect(parse(runSpec, ["-n", "x", "--", "cmd", "-w", "5"]).flag("nonblock")).toBe(true);
  });

  it("takes all from the second word on for the command, as flock does", () => {
    expect(commandOf("x", "ls", "-l", "--color")).toEqual(["ls", "-l", "--color"]);
    expect(commandOf("-w", "5", "x", "-n", "ls", "--", "-l")).toEqual(["ls", "--", "-l"]);
  });

  it("passes on whatever arguments a command has", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (args) => {
        expect(commandOf("x", "--", "cmd", ...args)).toEqual(["cmd", ...args]);
        expect(commandOf("x", "cmd", ...args)).toEqual(["cmd", ...args]);
      }),
    );
  });

  it("never throws anything but a UsageError", () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom("--", "-", "-n", "-w", "--wait", "--wait=", "-nw", "x", "--name", "-N", "\0"),
    );
    fc.assert(
      fc.property(fc.constantFrom(...commands), fc.array(word), (spec, argv) => {
        try {
          parse(spec, argv);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
    );
  });

  it.each<[string, string[]]>([
    ["unknown option '--nowhere'", ["x", "--nowhere", "--", "true"]],
    ["the command to run is missing: write it behind --", ["x"]],
    ["the command to run is missing: write it behind --", ["x", "--"]],
    ["--nonblock and --wait exclude each other", ["x", "-n", "-w", "3", "--", "true"]],
    ["--shared and --permits exclude each other", ["x", "-s", "-N", "3", "--", "true"]],
    ["several locks at once can only be had exclusively", ["x", "-s", "--name=y", "--", "true"]],
    ["the name of the lock is missing", ["--", "true"]],
    ['--permits must be a whole number from 1 to 1000000, but is "0"', ["x", "-N0", "--", "true"]],
    [
      '--signal must be the name of a signal, such as TERM, but is "BANG"',
      ["x", "--signal=BANG", "true"],
    ],
    [
      "--lock-delay must not be shorter than --kill-after: the command may run as long",
      ["x", "--lock-delay", "1", "--kill-after", "2", "true"],
    ],
    ["--ttl must be more than 0", ["x", "--ttl", "0", "true"]],
  ])("says %s", (message, argv) => {
    expect(() => planOf(parse(runSpec, argv))).toThrow(new UsageError(message));
  });
});

describe("planOf", () => {
  it("has defaults that fit each other", () => {
    expect(planOf(parse(runSpec, ["x", "--", "/opt/backup.sh", "now"]))).toEqual({
      names: ["x"],
      kind: "exclusive",
      permits: 1,
      waitMs: undefined,
      ttlMs: 15_000,
      lingerMs: 6_000,
      minHoldMs: 0,
      reason: "backup.sh",
      command: ["/opt/backup.sh", "now"],
      stopSignal: "SIGTERM",
      killAfterMs: 5_000,
      onLost: undefined,
      conflictExitCode: 75,
      lostExitCode: 79,
    });
  });

  it("runs a shell only when it is asked for one", () => {
    const plan = planOf(parse(runSpec, ["x", "-c", "echo $1", "--", "zero", "one"]));

    expect(plan.command).toEqual(["/bin/sh", "-c", "echo $1", "zero", "one"]);
  });

  it.each(["TERM", "SIGTERM", "term", "15"])("knows the signal %s", (signal) => {
    expect(planOf(parse(runSpec, ["x", "--signal", signal, "true"])).stopSignal).toBe("SIGTERM");
  });
});

describe("commands", () => {
  const examples = commands.flatMap((spec) =>
    spec.examples
      .filter(([line]) => line.startsWith(`microlock ${spec.name} `))
      .map(([line]) => ({ spec, line })),
  );

  it.each(examples)("take what they give as an example: $line", ({ spec, line }) => {
    const [ours = ""] = line.split(/ [|&;<>]+ ?/);
    const words = [...ours.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].slice(2);

    expect(() =>
      parse(
        spec,
        words.map(([, one, two, three]) => one ?? two ?? three ?? ""),
      ),
    ).not.toThrow();
  });
});

describe("durations", () => {
  it.each<[string, number]>([
    ["10", 10_000],
    ["0.5", 500],
    [".5", 500],
    ["500ms", 500],
    ["10s", 10_000],
    ["1.5m", 90_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["0", 0],
  ])("reads %s as %i ms", (text, ms) => {
    expect(durationMs("--wait", text)).toBe(ms);
  });

  it.each(["", "-1", "1e3", "s", "5 s", "1w", "Infinity", "0x10"])("refuses %j", (text) => {
    expect(() => durationMs("--wait", text)).toThrow(
      /^--wait must be a duration, such as 10 \(seconds\)/,
    );
  });

  it.each<[number, string]>([
    [0, "0 ms"],
    [999.6, "999 ms"],
    [1_000, "1s"],
    [61_000, "1m 1s"],
    [3_600_000, "1h"],
    [90_061_000, "1d 1h"],
  ])("says %d ms as %s", (ms, text) => {
    expect(sayMs(ms)).toBe(text);
  });
});
