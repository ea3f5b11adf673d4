import { setTimeout as sleep } from "node:timers/promises";
import { administer, type Office } from "./admin-faults.ts";
import { afflictClient } from "./client-faults.ts";
import { afflict } from "./cluster-faults.ts";
import type { Crew } from "./crew.ts";
import type { Deed } from "./deed.ts";
import { type ClientFault, type ClusterFault, type Fault, toldFault } from "./fault.ts";

/** Whom a nemesis has to do with. */
export interface Stage extends Office {
  readonly crew: Crew;
  /** Who has read from the ledger, and not written yet. */
  readonly writer: () => string | undefined;
  /** The clock of the history. */
  readonly now: () => number;
  /** Called with each deed as it begins. */
  readonly onDeed: (deed: Deed) => void;
}

/** When a new leader was there after the old one had been killed or stopped. */
export interface Election {
  readonly killedAt: number;
  readonly electedAt: number;
  /** Whether the old one was killed, and not only stopped. */
  readonly wasKilled: boolean;
}

/** Does what a schedule says, and notes what it did. */
export class Nemesis {
  readonly deeds: Deed[] = [];
  readonly elections: Election[] = [];
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Does it all. Resolves when all of it has healed. */
  async act(faults: readonly Fault[]): Promise<void> {
    const beganAt = this.#stage.now();
    const act = async (fault: Fault): Promise<void> => {
      await sleep(beganAt + fault.atMs - this.#stage.now());
      await this.#do(fault);
    };
    // Nodes may take long to be there again, and what comes next is not to befall them as they start.
    const inTurn = async (): Promise<void> => {
      for (const fault of faults) if (fault.to === "cluster") await act(fault);
    };
    const others = faults.filter(({ to }) => to !== "cluster");
    await Promise.all([inTurn(), ...others.map(act)]);
  }

  async #do(fault: Fault): Promise<void> {
    if (fault.to === "cluster") return this.#toCluster(fault, fault.what);
    if (fault.to === "client") return this.#toClient(fault, fault.what);
    const deed = this.#begin(fault, fault.what, "");
    try {
      await administer(fault.what, deed, this.#stage);
    } catch (error) {
      deed.failure = String(error);
    }
    deed.until = this.#stage.now();
  }

  async #toCluster(fault: Fault, what: ClusterFault): Promise<void> {
    const { nodes, now } = this.#stage;
    const deed = this.#begin(fault, what, "all nodes");
    const { target, heal } = await afflict(nodes, what);
    deed.target = target;
    const isLeader = "role" in what && what.role === "leader";
    const isKilled = what.kind === "kill node" || what.kind === "kill node and writer";
    if (isLeader && (isKilled || what.kind === "stop node")) {
      const victim = Number(target.slice("node ".length)) - 1;
      void this.#awaitElection(victim, now(), isKilled);
    }
    const alongside =
      what.kind === "kill node and writer"
        ? this.#toClient(fault, { kind: "kill writer" })
        : undefined;
    await sleep(deed.from + fault.forMs - now());
    await heal();
    deed.until = now();
    await alongside;
  }

  async #toClient(fault: Fault, what: ClientFault): Promise<void> {
    const { crew, writer, now } = this.#stage;
    let deed: Deed | undefined;
    await afflictClient(crew, what, fault.forMs, {
      writer,
      begun: ({ index }) => {
        deed = this.#begin(fault, what, `client ${index + 1}`);
      },
    });
    if (deed) deed.until = now();
  }

  async #awaitElection(victim: number, killedAt: number, wasKilled: boolean): Promise<void> {
    const { nodes, now } = this.#stage;
    const leader = await nodes.leader(victim).catch(() => undefined);
    if (leader !== undefined) this.elections.push({ killedAt, electedAt: now(), wasKilled });
  }

  /** Until it is over it is taken to last for ever. */
  #begin({ atMs }: Fault, what: Fault["what"], target: string): Deed {
    const { now, onDeed } = this.#stage;
    const story = `${(atMs / 1_000).toFixed(1)} s: ${toldFault(what)}`;
    const until = Number.POSITIVE_INFINITY;
    const deed: Deed = { kind: what.kind, target, from: now(), until, story };
    this.deeds.push(deed);
    onDeed(deed);
    return deed;
  }
}
