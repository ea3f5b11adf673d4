import { StoreError } from "../../errors.ts";
import type { Locks } from "../../locks.ts";
import type { Args } from "../args.ts";
import { exitCodes, messageOf } from "../exit-codes.ts";
import { type Io, jsonOf } from "../io.ts";
import { factsOfHeld, type Held, heldColumns, heldOf, itemOf } from "../show/held.ts";
import { Listing } from "../show/listing.ts";
import { showLive } from "../show/live.ts";
import { headOf, layoutOf, lineOf } from "../show/table.ts";
import type { Line } from "../text.ts";
import { UsageError } from "../usage-error.ts";
import { withLocks } from "../with-locks.ts";

/** Lists the locks that are held. */
export async function run(args: Args, io: Io): Promise<number> {
  if (args.flag("live")) {
    if (args.flag("json")) throw new UsageError("--live and --json exclude each other");
    if (!io.stdout.isTerminal) {
      throw new UsageError("--live needs a terminal: microlock watch tells of changes elsewhere");
    }
    return withLocks(args, io, (locks) => watchThem(locks, args, io));
  }
  return withLocks(args, io, async (locks) => {
    const isEmpty = args.flag("json")
      ? await listAsJson(locks, args, io)
      : await list(locks, args, io);
    if (isEmpty && io.stderr.isTerminal) io.stderr.write(`${nothing(args)}\n`);
    return exitCodes.ok;
  });
}

async function list(locks: Locks, args: Args, io: Io): Promise<boolean> {
  const listing = new Listing(io.stdout, heldColumns);
  let isEmpty = true;
  for await (const held of heldBelow(locks, args, io)) {
    isEmpty = false;
    await listing.add(itemOf(held, locks.clock.wallTime()));
  }
  listing.end();
  return isEmpty;
}

async function listAsJson(locks: Locks, args: Args, { stdout, signal }: Io): Promise<boolean> {
  let isEmpty = true;
  for await (const held of heldBelow(locks, args, { signal })) {
    isEmpty = false;
    stdout.write(`${jsonOf(factsOfHeld(held))}\n`);
    await stdout.drained();
  }
  return isEmpty;
}

async function watchThem(locks: Locks, args: Args, io: Io): Promise<never> {
  let held: readonly Held[] = [];
  let problem: string | undefined;
  const refresh = async (): Promise<void> => {
    try {
      held = await firstOf(heldBelow(locks, args, io), io.stdout.rows);
      problem = undefined;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      problem = messageOf(error);
    }
  };
  return showLive(io, locks.clock, refresh, (columns, rows) => {
    const now = locks.clock.wallTime();
    return screenOf({ held, problem, now, empty: nothing(args) }, columns, rows);
  });
}

/** What fills a terminal. */
export function screenOf(
  {
    held,
    problem,
    now,
    empty,
  }: {
    readonly held: readonly Held[];
    readonly problem: string | undefined;
    readonly now: number;
    readonly empty: string;
  },
  columns: number,
  rows: number,
): readonly Line[] {
  const time = new Date(now).toLocaleTimeString("en-GB");
  const status: Line = problem
    ? [{ text: `${time}  ${problem}`, tone: "bad" }]
    : [{ text: `${time}  ${held.length === 0 ? empty : "Ctrl-C ends this"}`, tone: "faint" }];
  const room = Math.max(0, rows - 3);
  const shown = held.length > room ? held.slice(0, Math.max(0, room - 1)) : held;
  const cells = shown.map((each) => itemOf(each, now).cells);
  const layout = layoutOf(heldColumns, cells, columns);
  const more: Line[] =
    shown.length < held.length
      ? [[{ text: "… and more: begin with a PREFIX", tone: "faint" }]]
      : [];
  return [
    status,
    [],
    ...(shown.length > 0 ? [headOf(heldColumns, layout)] : []),
    ...cells.map((row) => lineOf(row, heldColumns, layout)),
    ...more,
  ];
}

async function* heldBelow(
  locks: Locks,
  args: Args,
  { signal }: Pick<Io, "signal">,
): AsyncGenerator<Held, void, undefined> {
  const [prefix = ""] = args.operands;
  for await (const queue of locks.queues({ prefix, signal })) {
    const held = heldOf(queue);
    if (held) yield held;
  }
}

async function firstOf(all: AsyncIterable<Held>, count: number): Promise<readonly Held[]> {
  const first: Held[] = [];
  for await (const each of all) {
    if (first.push(each) > count) break;
  }
  return first;
}

function nothing(args: Args): string {
  const [prefix] = args.operands;
  return prefix === undefined
    ? "Nothing is held."
    : `Nothing is held that begins with ${JSON.stringify(prefix)}.`;
}
