import type { Election } from "../../core/election.ts";
import type { Hold } from "../../core/hold.ts";
import type { AcquireOptions, Lock } from "../../core/lock.ts";
import type { Want } from "./event.ts";
import type { Asked, RecordedClient } from "./recorded-client.ts";

/** Work with a hold, of whatever kind the hold is. It may get none. */
export type AnyWork = (hold: Hold | null) => unknown;

/** What is asked for, by the options that it is asked with. */
export function askedFor(
  names: string | readonly string[],
  want: Want,
  { waitMs, minHoldMs }: Pick<AcquireOptions, "waitMs" | "minHoldMs"> = {},
): Asked {
  const all = typeof names === "string" ? [names] : [...new Set(names)];
  return { ...want, names: all, waitMs, minHoldMs };
}

/** The same work, which tells what it was given before it begins. What is no work is left as it is. */
export function afterTelling(got: (hold: Hold) => void, work: AnyWork): AnyWork {
  if (typeof work !== "function") return work;
  return (hold) => {
    if (hold) got(hold);
    return work(hold);
  };
}

/** Lets a lock tell who asks for it, by the client. Its `run` asks by its `acquire`. */
export function recordLock<H extends Hold, O extends AcquireOptions>(
  lock: Lock<H, O>,
  client: RecordedClient,
  wantOf: (options: Partial<O>) => Want,
): void {
  const { name, acquire, tryAcquire } = lock;
  lock.acquire = (...args) => {
    const [options = {}] = args;
    const asked = askedFor(name, wantOf(options), options);
    return client.acquire(asked, () => acquire.apply(lock, args));
  };
  lock.tryAcquire = (...args) => {
    const [options = {}] = args;
    const { minHoldMs } = options as AcquireOptions;
    const asked = askedFor(name, wantOf(options as Partial<O>), { waitMs: 0, minHoldMs });
    return client.acquire(asked, () => tryAcquire.apply(lock, args));
  };
}

/** Lets an election tell who campaigns. Of `lead`, each term is told as it begins. */
export function recordElection(election: Election, client: RecordedClient): void {
  const want: Want = { mode: "election", permits: 1 };
  const { name, campaign, lead } = election;
  election.campaign = (...args) =>
    client.acquire(askedFor(name, want, args[1]), () => campaign.apply(election, args));
  election.lead = (value: string, ...args: readonly unknown[]) => {
    const [options, work] = args.length === 1 ? [undefined, args[0]] : args;
    const term: AnyWork = (hold) =>
      client.through(askedFor(name, want), async (got) => afterTelling(got, work as AnyWork)(hold));
    const told = typeof work === "function" ? term : work;
    return lead.call(election, value, options as AcquireOptions, told as AnyWork);
  };
}
