import { MicrolockError } from "../errors.ts";
import { HeldByOuterError } from "./run/held-by-outer-error.ts";
import { visible } from "./show/visible.ts";
import { SignalReceived } from "./signal-received.ts";
import { UsageError } from "./usage-error.ts";

/**
 * What `microlock` ends with, besides the code of a command that it runs: as sysexits.h has it,
 * and as a shell has it for commands that cannot be run (126, 127) and for signals (128 + number).
 */
export const exitCodes = {
  ok: 0,
  /** The answer is no: nobody holds it, or something is wrong. */
  no: 1,
  /** The command line is wrong. */
  usage: 64,
  /** Etcd cannot be reached, or cannot serve us. */
  unavailable: 69,
  /** Our own fault. */
  software: 70,
  /** Somebody else has the lock, and we were not to wait, or not any longer. */
  busy: 75,
  /** Etcd does not let us. */
  denied: 77,
  /** We had the lock, and lost it. */
  lost: 79,
  /** The command is there, but cannot be run. */
  notExecutable: 126,
  /** There is no such command. */
  notFound: 127,
} as const;

const codesOf: Partial<Record<MicrolockError["code"], number>> = {
  ALREADY_LOCKED: exitCodes.busy,
  WOULD_DEADLOCK: exitCodes.busy,
  // Asking again may well help.
  PLACE_LOST: exitCodes.busy,
  LOCK_LOST: exitCodes.lost,
  STORE_DENIED: exitCodes.denied,
  STORE_UNAVAILABLE: exitCodes.unavailable,
  STORE_UNSUPPORTED: exitCodes.unavailable,
  STORE_FULL: exitCodes.unavailable,
  STORE_ERROR: exitCodes.unavailable,
  STORE_ROLLED_BACK: exitCodes.unavailable,
  INVALID_OPTION: exitCodes.usage,
  TOO_MANY_NAMES: exitCodes.usage,
  DISAGREEMENT: exitCodes.usage,
};

/** What to end with when that was thrown; `busy` is what to end with when the lock is taken. */
export function exitCodeOf(error: unknown, busy: number = exitCodes.busy): number {
  const code = ownCodeOf(error);
  return code === exitCodes.busy ? busy : code;
}

function ownCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof HeldByOuterError) return exitCodes.busy;
  if (error instanceof SignalReceived) return error.exitCode;
  if (error instanceof MicrolockError) return codesOf[error.code] ?? exitCodes.software;
  return exitCodes.software;
}

/** What to tell the user of it: one line, or the whole story if it is our own fault. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (exitCodeOf(error) === exitCodes.software) return `this is a bug: ${error.stack}`;
  // Whoever holds the lock wrote some of it.
  const message = visible(error.message.replace(/\s*\n\s*/g, " "));
  if (!(error instanceof MicrolockError)) return message;
  const said = inOptions(message);
  if (error.code === "STORE_UNAVAILABLE" && said.startsWith("No etcd answers")) {
    return `${said} Start one with: microlock serve`;
  }
  return said;
}

// What the library calls them, and what the command line does.
const options: readonly (readonly [RegExp, string])[] = [
  [/^target /, "--endpoints "],
  [/\btls\.ca\b/g, "--cacert"],
  [/\btls\.cert\b/g, "--cert"],
  [/\btls\.key\b/g, "--key"],
  [/\bor give tls\b/g, "or give --cacert"],
  [/\bauth\.username and auth\.password\b/g, "--user and its password"],
  [/\bgive auth\b/g, "give --user"],
  [/\bIs the namespace right\b/g, "Is --namespace right"],
];

function inOptions(message: string): string {
  return options.reduce((text, [word, option]) => text.replace(word, option), message);
}
