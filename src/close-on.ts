import { constants } from "node:os";
import { InvalidOptionError } from "./errors.ts";

/** What a client may be closed upon. */
export type CloseEvent = NodeJS.Signals | "beforeExit" | "exit";

/** How a client is ended. */
export interface Ending {
  /** Releases what is held, which takes its time. */
  close(): Promise<void>;
  /** Does what can be done while nothing else runs any more. */
  end(): void;
}

// Nobody can listen to these.
const deaf = ["SIGKILL", "SIGSTOP"];

/** @throws {InvalidOptionError} unless it is a list of what can be listened to. */
export function checkCloseOn(closeOn: unknown, hasThread: boolean): void {
  if (closeOn === undefined) return;
  const isKnown = (event: unknown): boolean =>
    event === "beforeExit" ||
    event === "exit" ||
    (typeof event === "string" && event in constants.signals && !deaf.includes(event));
  if (!Array.isArray(closeOn) || !closeOn.every(isKnown)) {
    const expected = 'an array of signals such as "SIGTERM", "beforeExit" and "exit"';
    throw new InvalidOptionError("closeOn", expected, closeOn);
  }
  if (closeOn.includes("exit") && !hasThread) {
    const expected = 'without "exit", unless keepAlive is "thread": nothing else runs then';
    throw new InvalidOptionError("closeOn", expected, closeOn);
  }
}

/** The clients that are to be closed upon one event. */
class Closing {
  readonly endings = new Set<Ending>();
  readonly #event: CloseEvent;

  constructor(event: CloseEvent) {
    this.#event = event;
    process.on(event as NodeJS.Signals, this.#onEvent);
  }

  stop(): void {
    process.removeListener(this.#event, this.#onEvent);
    if (closings.get(this.#event) === this) closings.delete(this.#event);
  }

  readonly #onEvent = (): void => {
    const endings = [...this.endings];
    if (this.#event === "exit") {
      for (const ending of endings) ending.end();
      return;
    }
    // A second signal is not ours to keep back.
    this.stop();
    // Whoever else listens decides what becomes of the process.
    const isOurs = this.#event !== "beforeExit" && process.listenerCount(this.#event) === 0;
    // An etcd that can't be reached is no reason to go on.
    const closed = Promise.allSettled(endings.map((ending) => ending.close()));
    if (isOurs) void closed.then(() => process.kill(process.pid, this.#event as NodeJS.Signals));
  };
}

// One listener for each event, however many clients there are: Node takes more than ten for a leak.
const closings = new Map<CloseEvent, Closing>();

/** Ends a client upon events of the process. Returns the function that stops listening. */
export function listenToEnd(closeOn: readonly CloseEvent[], ending: Ending): () => void {
  const joined = [...new Set(closeOn)].map((event) => {
    const closing = closings.get(event) ?? new Closing(event);
    closings.set(event, closing);
    closing.endings.add(ending);
    return closing;
  });
  return () => {
    for (const closing of joined) {
      closing.endings.delete(ending);
      if (closing.endings.size === 0) closing.stop();
    }
  };
}
