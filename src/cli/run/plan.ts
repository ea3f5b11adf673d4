import { constants } from "node:os";
import { basename } from "node:path";
import type { Args } from "../args.ts";
import { exitCodes } from "../exit-codes.ts";
import { UsageError } from "../usage-error.ts";

/** What `microlock run` is to do. */
export interface Plan {
  readonly names: readonly string[];
  readonly kind: "exclusive" | "shared" | "permits";
  readonly permits: number;
  /** How long to wait, in milliseconds; undefined for ever. */
  readonly waitMs: number | undefined;
  readonly ttlMs: number;
  readonly lingerMs: number;
  readonly minHoldMs: number;
  readonly reason: string;
  readonly command: readonly [string, ...string[]];
  readonly stopSignal: NodeJS.Signals;
  readonly killAfterMs: number;
  readonly onLost: string | undefined;
  readonly conflictExitCode: number;
  readonly lostExitCode: number;
}

const ttlMsDefault = 15_000;
const killAfterMsDefault = 5_000;
// So that whoever is killed is gone before the next one gets in.
const killingMs = 1_000;

/**
 * What the arguments of `microlock run` ask for.
 *
 * @throws {UsageError} when they contradict each other.
 */
export function planOf(args: Args): Plan {
  const names = [...args.operands, ...args.texts("name")];
  if (names.length === 0) throw new UsageError("the name of the lock is missing");
  const permits = args.integer("permits", 1, 1_000_000);
  const isShared = args.flag("shared");
  exclude(args, "nonblock", "wait");
  exclude(args, "shared", "exclusive");
  exclude(args, "shared", "permits");
  exclude(args, "exclusive", "permits");
  if (names.length > 1 && (isShared || permits !== undefined)) {
    throw new UsageError("several locks at once can only be had exclusively");
  }
  const killAfterMs = args.ms("kill-after") ?? killAfterMsDefault;
  const lingerMs = args.ms("lock-delay") ?? killAfterMs + killingMs;
  if (lingerMs < killAfterMs) {
    throw new UsageError(
      "--lock-delay must not be shorter than --kill-after: the command may run as long",
    );
  }
  const ttlMs = args.ms("ttl") ?? ttlMsDefault;
  if (ttlMs <= 0) throw new UsageError("--ttl must be more than 0");
  const command = commandOf(args);
  return {
    names,
    kind: isShared ? "shared" : permits === undefined ? "exclusive" : "permits",
    permits: permits ?? 1,
    waitMs: args.flag("nonblock") ? 0 : args.ms("wait"),
    ttlMs,
    lingerMs,
    minHoldMs: args.ms("min-hold") ?? 0,
    reason: args.text("reason") ?? basename(args.command[0] ?? "sh"),
    command,
    stopSignal: signalOf(args.text("signal") ?? "TERM"),
    killAfterMs,
    onLost: args.text("on-lost"),
    conflictExitCode: args.integer("conflict-exit-code", 0, 255) ?? exitCodes.busy,
    lostExitCode: args.integer("lost-exit-code", 0, 255) ?? exitCodes.lost,
  };
}

function commandOf(args: Args): readonly [string, ...string[]] {
  const shell = args.text("command");
  if (shell !== undefined) return ["/bin/sh", "-c", shell, ...args.command];
  const [file = "", ...rest] = args.command;
  return [file, ...rest];
}

function exclude(args: Args, one: string, other: string): void {
  const isGiven = (name: string): boolean => args.flag(name) || args.text(name) !== undefined;
  if (isGiven(one) && isGiven(other))
    throw new UsageError(`--${one} and --${other} exclude each other`);
}

function signalOf(text: string): NodeJS.Signals {
  const bare = text.toUpperCase().replace(/^SIG/, "");
  const byNumber = Object.entries(constants.signals).find(([, number]) => String(number) === bare);
  const name = byNumber?.[0] ?? `SIG${bare}`;
  if (name in constants.signals) return name as NodeJS.Signals;
  throw new UsageError(
    `--signal must be the name of a signal, such as TERM, but is ${JSON.stringify(text)}`,
  );
}
