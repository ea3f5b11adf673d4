import { stayAwake } from "../clock.ts";
import { WatchOverrunError } from "../errors.ts";
import { Feed } from "./feed.ts";
import { queuePrefix } from "./keys.ts";
import { eventsOf, type LockEvent } from "./lock-events.ts";
import { Mirror } from "./mirror.ts";
import { NamespaceMirror } from "./namespace-mirror.ts";
import { checkKnown, checkSignal, checkSignalOnly, checkString } from "./options.ts";
import type { Change } from "./queue-entries.ts";
import type { Sessions } from "./sessions.ts";

/** What `watch` takes with the name of a lock. */
export interface WatchLockOptions {
  /** Ends it with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What `watch` takes without the name of a lock. */
export interface WatchLocksOptions extends WatchLockOptions {
  /** Only locks whose names begin with it. @default "" */
  readonly prefix?: string | undefined;
}

/** The events of a lock, or of many, one after another. */
export interface LockWatch extends AsyncIterableIterator<LockEvent> {
  /** Resolves once the watch stands: what happens from then on is told. */
  readonly standing: Promise<void>;
}

/** Who is told of what happens in queues. */
interface Teller {
  /** The queues were read: for the first time, or because what happened meanwhile was not seen. */
  read(): void;
  /** One of them has changed. */
  changed(name: string, change: Change): void;
}

// Who is as far behind as that will not catch up.
const eventsMax = 10_000;

/** Tells of what happens in the queue of a lock: in order, nothing twice, nothing left out. */
export function watchLock(
  sessions: Sessions,
  name: string,
  options: WatchLockOptions = {},
): LockWatch {
  checkSignalOnly(options);
  const prefix = queuePrefix(sessions.options.namespace, name);
  return watchBy(sessions, name, options.signal, (teller) => {
    return new Mirror(sessions, prefix, (change) => {
      if (change) teller.changed(name, change);
      else teller.read();
    });
  });
}

/** The same of all locks of the namespace, or of those whose names begin alike: by one watch. */
export function watchLocks(sessions: Sessions, options: WatchLocksOptions = {}): LockWatch {
  checkKnown(options, ["prefix", "signal"]);
  const { prefix = "", signal } = options;
  checkString("prefix", prefix);
  checkSignal(signal);
  return watchBy(sessions, `${prefix}*`, signal, (teller) => {
    return new NamespaceMirror(sessions, prefix, {
      onRead: () => teller.read(),
      onChange: (name, change) => teller.changed(name, change),
    });
  });
}

function watchBy(
  sessions: Sessions,
  what: string,
  signal: AbortSignal | undefined,
  open: (teller: Teller) => { close(): void },
): LockWatch {
  let told = Promise.resolve();
  let behind = 0;
  const { clock } = sessions.options;
  let stopStaying = (): void => {};
  let isOver = false;
  let stands = (): void => {};
  const standing = new Promise<void>((resolve) => {
    stands = resolve;
  });
  const stand = (): void => {
    isOver = true;
    stopStaying();
    stands();
  };
  let isFirst = true;

  const mirror = open({
    read() {
      if (isFirst) stand();
      else feed.fail(new WatchOverrunError(what, "etcd has forgotten it already (compaction)"));
      isFirst = false;
    },
    changed(name, change) {
      behind += 1;
      if (behind + feed.size > eventsMax) {
        feed.fail(new WatchOverrunError(what, "it is read more slowly than things happen"));
        return;
      }
      told = told.then(async () => {
        for (const event of await eventsOf(sessions, name, change)) feed.push(event);
        behind -= 1;
      });
      told.catch((error: unknown) => feed.fail(error));
    },
  });
  const feed: Feed<LockEvent> = new Feed({
    clock,
    signal,
    closed: sessions.closed,
    onEnd() {
      mirror.close();
      stand();
    },
  });
  return Object.defineProperty(feed as typeof feed & Pick<LockWatch, "standing">, "standing", {
    get() {
      // Whoever asks waits for it: the process must not end meanwhile.
      stopStaying();
      if (!isOver) stopStaying = stayAwake(clock);
      return standing;
    },
  });
}
