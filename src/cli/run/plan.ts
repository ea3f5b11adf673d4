import { constants } from "node:os";
import { basename } from "node:path";
import type { Args } from "../args.ts";
import { type Asking, askingOf } from "../asking.ts";
import { UsageError } from "../usage-error.ts";

/** How to run a command while a lock is ours. */
export interface CommandPlan {
  readonly command: readonly [string, ...string[]];
  readonly stopSignal: NodeJS.Signals;
  readonly killAfterMs: number;
  /** How long nobody gets in after a loss, unless the command has ended before. */
  readonly lingerMs: number;
  readonly onLost: string | undefined;
  readonly ttlMs: number;
  readonly lostExitCode: number;
}

/** What `microlock run` is to do. */
export interface Plan extends Asking, CommandPlan {
  readonly minHoldMs: number;
  readonly reason: string;
}

const killAfterMsDefault = 5_000;
// So that whoever is killed is gone before the next one gets in.
const killingMs = 1_000;

/**
 * What the arguments of `microlock run` ask for.
 *
 * @throws {UsageError} when they contradict each other.
 */
export function planOf(args: Args): Plan {
  const asking = askingOf(args);
  const running = commandPlanOf(args, asking);
  return {
    ...asking,
    ...running,
    minHoldMs: args.ms("min-hold") ?? 0,
    reason: args.text("reason") ?? basename(args.command[0] ?? "sh"),
  };
}

/** Which command to run, and how to end it. */
export function commandPlanOf(
  args: Args,
  { ttlMs, lostExitCode }: Pick<Asking, "ttlMs" | "lostExitCode">,
): CommandPlan {
  const killAfterMs = args.ms("kill-after") ?? killAfterMsDefault;
  const lingerMs = args.ms("lock-delay") ?? killAfterMs + killingMs;
  if (lingerMs < killAfterMs) {
    throw new UsageError(
      "--lock-delay must not be shorter than --kill-after: the command may run as long",
    );
  }
  return {
    command: commandOf(args),
    stopSignal: signalOf(args.text("signal") ?? "TERM"),
    killAfterMs,
    lingerMs,
    onLost: args.text("on-lost"),
    ttlMs,
    lostExitCode,
  };
}

function commandOf(args: Args): readonly [string, ...string[]] {
  const shell = args.text("command");
  if (shell !== undefined) return ["/bin/sh", "-c", shell, ...args.command];
  const [file = "", ...rest] = args.command;
  return [file, ...rest];
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
