import { settlePromises } from "../../src/testkit/settle.ts";
import type { SimulatedClock } from "../../src/testkit/simulated-clock.ts";
import type { SimulatedCluster } from "../../src/testkit/simulated-cluster.ts";
import type { Administrator } from "./administrator.ts";
import type { Removal } from "./clipped.ts";
import type { Fault } from "./fault.ts";
import type { Machine } from "./machine.ts";

/** What faults befall. */
export interface Surface {
  readonly clock: SimulatedClock;
  readonly cluster: SimulatedCluster;
  readonly administrator: Administrator;
  readonly machines: readonly Machine[];
  readonly random: () => number;
  /** In which a session has moved away from a leader that others have followed. */
  readonly moveMs: number;
}

/** Something that ends, at its time or when all is mended. */
export interface Ending {
  readonly at: number;
  readonly end: () => Promise<void> | void;
}

/** Lets faults begin, and end. */
export class Upheaval {
  /** What leaders took that resumed when sessions had had the time to move away from them. */
  readonly takenLate: Removal[] = [];
  readonly #on: Surface;
  /** In the order of their time. */
  readonly #endings: Ending[] = [];
  #electedAt = Number.POSITIVE_INFINITY;

  constructor(on: Surface) {
    this.#on = on;
  }

  /** What ends next. */
  get next(): Ending | undefined {
    return this.#endings[0];
  }

  async endNext(): Promise<void> {
    await this.#endings.shift()?.end();
  }

  async begin({ what, index, forMs, electMs }: Fault): Promise<void> {
    const { cluster, administrator, machines, random } = this.#on;
    switch (what) {
      case "delete a key":
        administrator.deleteKey(index);
        break;
      case "delete a key unheard": {
        const goOns = machines.map((machine) => machine.missEvents());
        administrator.deleteKey(index);
        await settlePromises();
        for (const goOn of goOns) goOn();
        break;
      }
      case "end a session":
        administrator.endSession(index);
        break;
      case "force a release":
        administrator.forceRelease(index);
        break;
      case "compact":
        cluster.compactHistory();
        break;
      case "elect":
        cluster.elect();
        break;
      case "restart":
        cluster.stop();
        this.#later(forMs, () => cluster.start());
        break;
      case "fill the disk":
        cluster.isFull = true;
        this.#later(forMs, () => {
          cluster.isFull = false;
        });
        break;
      case "stall the leader":
        cluster.stallLeader();
        this.#later(electMs, () => this.#elect());
        this.#later(forMs, () => this.#resume());
        break;
      default: {
        const machine = machines[index % machines.length] as Machine;
        this.#later(forMs, machine.suffer(what, random));
      }
    }
  }

  /** All ends now, and goes well from now on. */
  async mend(): Promise<void> {
    const { cluster, administrator, machines } = this.#on;
    for (const { end } of this.#endings.splice(0)) await end();
    administrator.byForce(() => cluster.resume());
    cluster.start();
    cluster.isFull = false;
    for (const machine of machines) await machine.mend();
  }

  #elect(): void {
    const { clock, cluster } = this.#on;
    if (!cluster.isStalled) return;
    cluster.elect();
    this.#electedAt = clock.now();
  }

  #resume(): void {
    const { clock, cluster, administrator, random, moveMs } = this.#on;
    const taken = administrator.byForce(() => cluster.resume(() => random() < 0.5));
    if (clock.now() - this.#electedAt > moveMs) this.takenLate.push(...taken);
  }

  #later(ms: number, end: Ending["end"]): void {
    this.#endings.push({ at: this.#on.clock.now() + ms, end });
    this.#endings.sort((a, b) => a.at - b.at);
  }
}
