import type { Leader, Leadership } from "../../core/election.ts";
import type { Locks } from "../../locks.ts";
import type { Args } from "../args.ts";
import { patienceOf, unlessAborted } from "../asking.ts";
import { exitCodeOf, exitCodes } from "../exit-codes.ts";
import { type Io, jsonOf, type Out } from "../io.ts";
import { keep } from "../lock/keep.ts";
import { Narrator } from "../run/narrator.ts";
import { commandPlanOf } from "../run/plan.ts";
import { checkStack } from "../run/stack.ts";
import { supervise } from "../run/supervise.ts";
import { variablesOf } from "../run/variables.ts";
import { ToldToEnd } from "../told-to-end.ts";
import { UsageError } from "../usage-error.ts";

/** Leads until told to end, or while a command runs; or says who leads. */
export async function run(args: Args, io: Io): Promise<number> {
  const [name = "", value] = args.operands;
  const hasCommand = args.command.length > 0 || args.text("command") !== undefined;
  if (!args.flag("observe")) {
    if (value === undefined) throw new UsageError("the value to campaign with is missing");
    return campaign(name, value, hasCommand, args, io);
  }
  if (value !== undefined || hasCommand) {
    throw new UsageError("--observe only looks: there is no use for more than the name");
  }
  return observe(name, args, io);
}

async function campaign(
  name: string,
  value: string,
  hasCommand: boolean,
  args: Args,
  io: Io,
): Promise<number> {
  const patience = patienceOf(args);
  const plan = hasCommand ? commandPlanOf(args, patience) : undefined;
  const isJson = args.flag("json");
  const out = isJson && !plan ? io.stdout : io.stderr;
  const narrator = new Narrator(args, out, "microlock elect");
  const end = new ToldToEnd(io, { heedsStdin: !plan });
  try {
    const locks = await io.connect(args, { ttlMs: patience.ttlMs, signal: end.signal });
    try {
      await checkStack(io.env, locks, [name]);
      const leadership = await lead(
        locks,
        name,
        value,
        { ...patience, ...plan },
        end.signal,
        narrator,
      );
      narrator.acquired(leadership);
      if (plan) {
        const env = {
          ...io.env,
          ...variablesOf(leadership, plan.ttlMs, io.env),
          MICROLOCK_VALUE: value,
        };
        return await supervise({ hold: leadership, plan, env, signals: end.signals, narrator });
      }
      if (!isJson) sayLeader(leadership, io.stdout);
      return await keep(leadership, end.signal, patience.lostExitCode, narrator);
    } finally {
      await locks.close();
    }
  } catch (error) {
    narrator.failed(error);
    return exitCodeOf(error, patience.conflictExitCode);
  } finally {
    end.close();
  }
}

function lead(
  locks: Locks,
  name: string,
  value: string,
  { waitMs, lingerMs }: { readonly waitMs: number | undefined; readonly lingerMs?: number },
  signal: AbortSignal,
  narrator: Narrator,
): Promise<Leadership> {
  const campaigning = locks.election(name).campaign(value, {
    signal,
    waitMs,
    lingerMs,
    onWait: (position, holder) => narrator.waiting(name, position, holder),
  });
  return unlessAborted(campaigning, signal);
}

async function observe(name: string, args: Args, io: Io): Promise<number> {
  const locks = await io.connect(args);
  try {
    for await (const leader of locks.election(name).observe({ signal: io.signal })) {
      if (args.flag("json")) io.stdout.write(`${jsonOf(factsOf(leader))}\n`);
      else sayLeader(leader, io.stdout);
    }
    return exitCodes.ok;
  } finally {
    await locks.close();
  }
}

function factsOf({ key, value, fencingToken, revision }: Leader) {
  return { key, value, token: fencingToken, revision };
}

/** As etcdctl says it. */
function sayLeader({ key, value }: Pick<Leader, "key" | "value">, out: Out): void {
  out.write(`${key}\n${value}\n`);
}
