import { DisagreementError } from "../errors.ts";
import type { RequestOp, ResponseOp } from "../etcd/api.ts";
import { type Entry, entryOf } from "./entry.ts";
import { look } from "./look.ts";
import { type Others, othersOf } from "./others.ts";
import type { Place } from "./place.ts";
import type { View } from "./queue.ts";
import {
  entriesOf,
  groupOf,
  joinStep,
  leaveStep,
  madeAt,
  newestOf,
  outlookOf,
  tryStep,
} from "./queue-requests.ts";
import type { Waiting } from "./requester.ts";
import type { Rule } from "./rule.ts";
import type { Step } from "./transactor.ts";

/** Joins each queue at its end, and looks at who is ahead there. */
export async function join(
  place: Place,
  value: Uint8Array,
  waiting: Waiting,
  rule: Rule = place.rule,
): Promise<readonly View[]> {
  const step = (): Step => joinStep(place.own, value, rule);
  const { succeeded, responses, revision, repeated } = await place.put(step, value, waiting);
  const { spots } = place.own;
  if (succeeded && repeated && !(await madeAll(place, revision, waiting))) {
    await clear(place, waiting);
    return join(place, value, waiting, rule);
  }
  if (succeeded) {
    place.standsSince(revision);
    return spots.map(({ prefix }, index) => {
      const seen = groupOf(spots.length, responses, index).filter(({ op }) => op === "range");
      const ahead = newestOf(prefix, seen).filter((entry) => entry.createRevision < revision);
      return { revision, ahead };
    });
  }
  const [own, ...rivals] = responses;
  if (adopt(place, own)) return look(place, waiting);
  mustAgree(place, rivals.flatMap(entriesOf).map(entryIn(place)));
  if (repeated) await clear(place, waiting);
  // Who stands there goes by no number at all, and is waited for like anybody else.
  return join(place, value, waiting, { ...rule, rivals: [] });
}

/**
 * Joins only if it is our turn at once; `along` is carried out with that. Resolves with who is in
 * our way, if somebody is.
 */
export async function tryJoin(
  place: Place,
  value: Uint8Array,
  waiting: Waiting,
  along: readonly RequestOp[] = [],
): Promise<Others | undefined> {
  let seenAt: bigint | undefined;
  // Ends when we are in, or somebody is in our way: whoever makes it go on has come meanwhile.
  for (;;) {
    const since = seenAt;
    const joining = (): Step => {
      const step = tryStep(place.own, value, place.rule, since);
      return { ...step, success: [...step.success, ...along] };
    };
    const { succeeded, responses, revision, repeated } = await place.put(joining, value, waiting);
    if (succeeded) {
      place.standsSince(revision);
      return undefined;
    }
    const [own, ...others] = responses;
    if (adopt(place, own)) return undefined;
    if (repeated && (await clear(place, waiting))) continue;
    const { spots } = place.own;
    const outlooks = spots.map((spot, index) =>
      outlookOf(spot, place.rule, spots.length > 1 ? others.slice(index, index + 1) : others),
    );
    for (const { ahead } of outlooks) mustAgree(place, ahead);
    const blocked = outlooks.findIndex(({ ahead }) => place.rule.blockers(ahead).length > 0);
    const outlook = outlooks[blocked];
    if (outlook) return othersOf(place.queues[blocked]?.name ?? "", outlook);
    seenAt = revision;
  }
}

/** Whether an earlier attempt was carried out, whose answer got lost. */
function adopt(place: Place, own: ResponseOp | undefined): boolean {
  const [entry] = entriesOf(own);
  // What has answered now made void all that was sent before it.
  if (entry) place.standsSince(entry.createRevision);
  else place.standsNowhere();
  return entry !== undefined;
}

/** Whether all entries were made at that revision: one that an earlier attempt made is older. */
async function madeAll({ own, session }: Place, at: bigint, waiting: Waiting): Promise<boolean> {
  if (own.spots.length === 1) return true;
  const { succeeded } = await session.ask({ compare: madeAt(own.spots, at) }, waiting);
  return succeeded;
}

/**
 * Takes away what is left of an earlier attempt, whose answer got lost, if somebody else has taken the
 * first of its entries away since. Resolves with whether there may have been any.
 */
async function clear(place: Place, waiting: Waiting): Promise<boolean> {
  if (place.own.spots.length === 1) return false;
  await place.session.commit(() => leaveStep(place.own, place.rule), waiting);
  return true;
}

/** Those who ask for the same thing must mean the same number. */
function mustAgree({ rule, queues }: Place, entries: readonly Entry[]): void {
  const { mode } = rule;
  if (!("total" in mode)) return;
  for (const { mode: other } of entries) {
    if (other.kind !== mode.kind || other.total === mode.total) continue;
    throw new DisagreementError(queues[0]?.name ?? "", mode.total, other.total);
  }
}

function entryIn({ queues }: Place): (kv: Entry["kv"]) => Entry {
  return (kv) => entryOf(queues[0]?.prefix ?? "", kv);
}
