import { setTimeout as sleep } from "node:timers/promises";
import {
  type Hold,
  LockLostError,
  type Locks,
  PlaceLostError,
  StoreUnavailableError,
} from "microlock";
import type { ReplicaEvent } from "./events.ts";
import type { Ledger } from "./ledger.ts";

/** What a replica finds around it. */
export interface Surroundings {
  /** What its updates are named after. No other replica, and no earlier life of it, has it. */
  readonly id: string;
  readonly locks: Locks;
  readonly ledger: Ledger;
  readonly report: (event: ReplicaEvent) => void;
  /** Ends it, after the hold that it is in. */
  readonly stop: AbortSignal;
}

const troubleMs = 1_000;

/** Takes turns with the others, and makes one update in each. */
export async function runReplica({ id, locks, ledger, report, stop }: Surroundings): Promise<void> {
  for (let turn = 1; !stop.aborted; turn++) {
    report({ kind: "waiting" });
    try {
      await locks.run("ledger", { signal: stop, reason: "demo" }, (hold) =>
        update(hold, `${id}.${turn}`, { ledger, report }),
      );
      report({ kind: "released" });
    } catch (error) {
      if (stop.aborted && error === stop.reason) return;
      if (error instanceof LockLostError || error instanceof PlaceLostError) {
        report({ kind: "lost", reason: error.reason });
      } else if (error instanceof StoreUnavailableError) {
        report({ kind: "trouble", message: error.message });
        // What is refused at once would be refused at once again.
        await sleep(troubleMs);
      } else {
        throw error;
      }
    }
  }
}

async function update(
  hold: Hold,
  name: string,
  { ledger, report }: Pick<Surroundings, "ledger" | "report">,
): Promise<void> {
  report({ kind: "holding", token: hold.fencingToken });
  const updates = await ledger.read(hold.fencingToken);
  report({ kind: "thinking" });
  await sleep(40 + Math.random() * 40);

  // Careless, on purpose: it writes first, and asks afterwards, in the same breath, what
  // `held` and `signal` would have said. So there is something for the token to stop.
  const written = ledger.write([...updates, name], hold.fencingToken);
  const { held, signal } = hold;
  const { aborted } = signal;

  report((await written) ? { kind: "updated", update: name } : { kind: "refused", held, aborted });
}
