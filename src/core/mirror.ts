import type { Entry } from "./entry.ts";
import { FollowedRange, type Source } from "./followed-range.ts";
import { prefixRange } from "./keys.ts";
import { type Change, QueueEntries } from "./queue-entries.ts";
import { allIn, entriesOf } from "./queue-requests.ts";
import { throughConsensus } from "./through-consensus.ts";

/**
 * Hears that the entries have changed, by what is told of one revision; or, without a change, that
 * they were read, for the first time or because what happened meanwhile was not seen.
 */
type ChangeListener = (change: Change | undefined) => void;

/**
 * The entries of a queue in their order, read once and then kept up to date by what the watch
 * tells, for those who need to see all of them. Who only waits for a turn does not.
 */
export class Mirror {
  readonly #range: FollowedRange;
  #queue: QueueEntries;

  /** A mirror of the queue whose keys begin with `prefix`. */
  constructor(source: Source, prefix: string, onChange: ChangeListener) {
    const range = prefixRange(prefix);
    this.#queue = new QueueEntries(prefix, []);
    this.#range = new FollowedRange(source, range, {
      async read() {
        const { responses, header } = await source.ask({
          success: [allIn(range)],
          failure: [throughConsensus(range.key)],
        });
        return { kvs: entriesOf(responses[0]), revision: header.revision };
      },
      onRead: (kvs) => {
        this.#queue = new QueueEntries(prefix, kvs);
        onChange(undefined);
      },
      onEvents: (revision, events) => onChange(this.#queue.apply(revision, events)),
    });
  }

  /** The entries, oldest first; undefined until they have been read for the first time. */
  get entries(): readonly Entry[] | undefined {
    return this.#range.isKnown ? this.#queue.list : undefined;
  }

  /** Ends it: nothing is called afterwards. */
  close(): void {
    this.#range.close();
  }
}
