import { hostname, userInfo } from "node:os";
import type { ForceReleaseOptions } from "../../core/force-release.ts";
import type { Holder } from "../../errors.ts";
import type { Locks } from "../../locks.ts";
import type { Args } from "../args.ts";
import { exitCodes } from "../exit-codes.ts";
import { type Io, jsonOf } from "../io.ts";
import { ask } from "../show/ask.ts";
import { ageOf, factsOf, fieldsOf, whoOf } from "../show/facts.ts";
import { visible } from "../show/visible.ts";
import { UsageError } from "../usage-error.ts";
import { withLocks } from "../with-locks.ts";

type Options = Omit<ForceReleaseOptions, "fencingToken">;

/** Takes a lock away from whoever holds it. */
export async function run(args: Args, io: Io): Promise<number> {
  const [name = ""] = args.operands;
  const options = { ...optionsOf(args, io), signal: io.signal };
  const token = tokenOf(args.text("token"));
  return withLocks(args, io, async (locks) => {
    if (args.flag("yes")) {
      tell(await locks.forceRelease(name, { ...options, fencingToken: token }), args, io);
      return exitCodes.ok;
    }
    const { holders } = await locks.inspect(name, { signal: io.signal });
    const shown = holders.filter(({ fencingToken }) => (token ?? fencingToken) === fencingToken);
    if (shown.length === 0) {
      tell([], args, io);
      return exitCodes.ok;
    }
    const now = locks.clock.wallTime();
    for (const holder of shown) io.stderr.write(`${sayOf(holder, now)}\n`);
    const from = shown.length === 1 ? whoOf(shown[0] as Holder) : `these ${shown.length}`;
    if (!(await ask(io, `Take ${quoted(name)} away from ${from}?`))) {
      io.stderr.write("Nothing was done.\n");
      return exitCodes.no;
    }
    const held = await releaseThem(locks, name, shown, options);
    if (held.length > 0 || args.flag("json")) tell(held, args, io);
    else io.stderr.write(`Nobody of those holds ${quoted(name)} any more.\n`);
    return exitCodes.ok;
  });
}

function optionsOf(args: Args, io: Io): Options {
  const reason = args.text("reason");
  if (!args.flag("force")) {
    throw new UsageError(
      "a lock is released by whoever holds it; to take it away from them, add --force",
    );
  }
  if (!reason) throw new UsageError("--reason is missing: the holder is told why");
  if (!args.flag("yes") && !io.stdin.isTTY) {
    throw new UsageError("there is no terminal to ask on: add --yes if you are sure");
  }
  const by = args.text("by") ?? `${userName(io)} on ${hostname()}`;
  return { reason, by, graceMs: args.ms("grace") };
}

function userName({ env }: Io): string {
  try {
    return env["USER"] || userInfo().username;
  } catch {
    return "somebody"; // a user id without a name, as in a container
  }
}

function tokenOf(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,19}$/.test(text)) return BigInt(text);
  throw new UsageError(`--token must be a number, but is ${JSON.stringify(text)}`);
}

/** Takes it from those who were shown, and from nobody who came later. */
async function releaseThem(
  locks: Locks,
  name: string,
  shown: readonly Holder[],
  options: Options,
): Promise<readonly Holder[]> {
  const taking = shown.map(({ fencingToken }) =>
    locks.forceRelease(name, { ...options, fencingToken }),
  );
  return (await Promise.all(taking)).flat();
}

function tell(held: readonly Holder[], args: Args, { stdout, stderr }: Io): void {
  const [name = ""] = args.operands;
  if (args.flag("json")) {
    stdout.write(`${jsonOf({ name, released: held.map(factsOf) })}\n`);
  } else if (held.length === 0) {
    const which = args.text("token") === undefined ? "" : " with that token";
    stderr.write(`Nobody holds ${quoted(name)}${which}.\n`);
  } else if (stdout.isTerminal || stdout.hasColour) {
    for (const holder of held)
      stdout.write(
        `${quoted(name)} was taken away from ${whoOf(holder)}, token ${holder.fencingToken}.\n`,
      );
  } else {
    for (const { nodeId, key, fencingToken, since, reason } of held) {
      stdout.write(fieldsOf([name, nodeId || key, fencingToken, since, reason]));
    }
  }
}

/** One who holds, in a line. */
function sayOf(holder: Holder, now: number): string {
  const { reason, host, pid, since, fencingToken, nodeId } = holder;
  const age = ageOf(since, now);
  const facts = [
    host !== undefined && `host ${visible(host)}`,
    pid !== undefined && `process ${pid}`,
    `token ${fencingToken}`,
    age && `asked ${age} ago`,
    reason && `for ${visible(reason)}`,
    !nodeId && "no microlock client: it is not told",
  ];
  return `Held by ${whoOf(holder)}: ${facts.filter(Boolean).join(", ")}.`;
}

function quoted(name: string): string {
  return visible(JSON.stringify(name));
}
