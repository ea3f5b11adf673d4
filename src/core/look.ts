import type { KeyValue } from "../etcd/api.ts";
import { EntryLostError } from "./entry-lost-error.ts";
import type { Place } from "./place.ts";
import type { View } from "./queue.ts";
import {
  aheadOf,
  entriesOf,
  grouped,
  groupOf,
  newestOf,
  ours,
  read,
  type Spot,
} from "./queue-requests.ts";
import type { Waiting } from "./requester.ts";
import { throughConsensus } from "./through-consensus.ts";

/**
 * Looks at who is ahead of a place in some of its queues, or in all, and makes sure that it still
 * stands there itself: one round trip.
 *
 * @throws {EntryLostError} when it does not.
 */
export async function look(
  place: Place,
  waiting: Waiting,
  indices: readonly number[] = [...place.keys.keys()],
): Promise<readonly View[]> {
  const { session, rule } = place;
  if (session.moving) await session.moving;
  const { own } = place;
  const spots = indices.map((index) => own.spots[index] as Spot);
  const [{ key }] = spots as [Spot];
  const { succeeded, responses, header } = await session.ask(
    {
      compare: ours({ ...own, spots }),
      success: grouped(spots.map((spot) => aheadOf(spot, rule, own.createRevision))),
      failure: [...spots.map(read), throughConsensus(key)],
    },
    waiting,
  );
  if (succeeded) {
    const { revision } = header;
    return spots.map(({ prefix }, index) => ({
      revision,
      ahead: newestOf(prefix, groupOf(spots.length, responses, index)),
    }));
  }
  // Of one that is being left, only the answer to that can tell who took it away.
  if (place.leaving) throw new EntryLostError("released");
  const found = responses.slice(0, spots.length);
  // The session has moved to another lease meanwhile.
  const isOurs = ({ createRevision, lease }: KeyValue): boolean =>
    createRevision === own.createRevision && session.isOwn(lease);
  if (found.every((each) => entriesOf(each).some(isOurs))) return look(place, waiting, indices);
  throw place.missing(found.every((each) => entriesOf(each).length > 0));
}
