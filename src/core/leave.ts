import { within } from "../clock.ts";
import { StoreError } from "../errors.ts";
import type { ResponseOp } from "../etcd/api.ts";
import { entryOf, withoutCompanions } from "./entry.ts";
import type { EntryLostError } from "./entry-lost-error.ts";
import { type Others, othersOf } from "./others.ts";
import type { Place } from "./place.ts";
import {
  entriesOf,
  firstIn,
  groupOf,
  keysAhead,
  leaveStep,
  outlookOf,
  releaseStep,
  releasesOf,
  type Spot,
} from "./queue-requests.ts";
import { holdersAmong } from "./rule.ts";
import type { Step } from "./transactor.ts";

// Who stands further behind than that is told so.
const positionMax = 10_000n;
// Whoever gives up is not to wait for long for that.
const positionMs = 300;
// How long to wait for the answer to our leaving before we tell the caller that we gave up.
const leaveMs = 1_000;

/**
 * One hold less stands on a place; with the last one it leaves, and tells whoever is next in this
 * process. Resolves only if the place was ours until then.
 *
 * @throws {EntryLostError} when it was not.
 */
export async function release(place: Place): Promise<void> {
  if (!place.unshare()) return;
  const { session, companion } = place;
  const { spots } = place.own;
  place.startLeaving();
  const rest = companion && !companion.isDue ? await companion.prepareRest() : undefined;
  const step = (): Step => releaseStep(place.own, (index) => !rest && place.isAwaited(index), rest);
  try {
    const result = await session.commit(step);
    let lost: EntryLostError | undefined;
    for (const [index, each] of releasesOf(spots.length, result).entries()) {
      if (each.succeeded) {
        handOver(place, index, each.responses.at(-1), result.revision);
        continue;
      }
      const overwritten = entriesOf(each.responses[0]).length > 0;
      // An earlier attempt whose answer got lost did it: nothing else is known to have
      // removed the entry, and the session, which a lost lease would have ended, is alive.
      if (!result.repeated || overwritten || place.loss) lost ??= place.missing(overwritten);
    }
    if (lost) throw lost;
    if (rest) companion?.moved(rest);
  } catch (error) {
    // Somebody waits for these entries to go, even if nobody waits for this call any more.
    if (error instanceof StoreError) void session.see(step);
    throw error;
  } finally {
    place.forget();
  }
}

/**
 * Leaves, as a contender, whether or not it has joined. Resolves with who is there, if there
 * was something to leave, and etcd answers. Whoever waited in a queue learns its position, too.
 */
async function leave(place: Place, waitedIn?: number): Promise<Others | undefined> {
  const { session, queues } = place;
  place.startLeaving();
  try {
    // A join that is still under way could be carried out after we have left.
    if (!(await place.mayStand())) return undefined;
    const { spots } = place.own;
    const index = waitedIn ?? 0;
    const spot = spots[index];
    if (!spot) return undefined;
    const name = queues[index]?.name ?? "";
    const position = waitedIn === undefined ? undefined : await positionOf(place, spot);
    const result = await session.see(() => leaveStep(place.own, place.rule));
    if (!result) return undefined;
    const found = spots.map((_, at) =>
      groupOf(spots.length, result.responses, at).filter(({ op }) => op === "range"),
    );
    for (const [at, [first]] of found.entries()) handOver(place, at, first, result.revision);
    return othersOf(name, outlookOf(spot, place.rule, found[index] ?? []), position);
  } finally {
    place.forget();
  }
}

/**
 * Leaves, and waits for the answer for a second: whoever gives up is not kept waiting by an etcd
 * that does not answer. It goes on in the background.
 */
export function leaveInTime(place: Place, waitedIn?: number): Promise<Others | undefined> {
  return within(place.session.options.clock, leaveMs, leave(place, waitedIn));
}

/** Which of the waiters it is in one of its queues, 1 for the first, if etcd says so soon. */
async function positionOf({ session, own }: Place, spot: Spot): Promise<number | undefined> {
  if (own.createRevision === 0n) return undefined;
  try {
    const success = [keysAhead(spot, own.createRevision, positionMax), firstIn(spot.range)];
    const { responses } = await session.ask({ success }, { timeoutMs: positionMs });
    const [ahead = [], [first] = []] = responses.map((found) =>
      entriesOf(found).map((kv) => entryOf(spot.prefix, kv)),
    );
    // Only of the first one its value matters: a writer that became a reader is never further back.
    const known = withoutCompanions(ahead).map((entry) =>
      entry.createRevision === first?.createRevision
        ? { ...entry, isReader: first.isReader }
        : entry,
    );
    return known.length - holdersAmong(known) + 1;
  } catch {
    // It has waited long enough: it goes without knowing.
    return undefined;
  }
}

function handOver(
  { queues }: Place,
  index: number,
  first: ResponseOp | undefined,
  revision: bigint,
): void {
  queues[index]?.handOver(entriesOf(first)[0], revision);
}
