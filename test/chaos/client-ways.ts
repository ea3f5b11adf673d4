import type { Random } from "../support/seeded-random.ts";
import { mend, noTrouble, type Trouble } from "../support/ways/trouble.ts";
import { type Troubles, Way } from "../support/ways/way.ts";
import type { Direction } from "./fault.ts";

/** The ways of one client to the nodes. */
export class ClientWays {
  readonly #ways: readonly Way[];
  readonly #troubles: readonly Troubles[];

  private constructor(ways: readonly Way[], troubles: readonly Troubles[]) {
    this.#ways = ways;
    this.#troubles = troubles;
  }

  static async open(targets: readonly string[], random: Random): Promise<ClientWays> {
    const troubles = targets.map(() => ({ requests: noTrouble(), answers: noTrouble() }));
    const ways = targets.map((target, node) =>
      Way.open({ target, random, troublesOf: () => troubles[node] as Troubles }),
    );
    return new ClientWays(await Promise.all(ways), troubles);
  }

  /** What the client takes for the endpoints of etcd. */
  get endpoints(): readonly string[] {
    return this.#ways.map(({ address }) => address);
  }

  /** The directions to one node, or to all. */
  directions(nodes: "all" | number, direction: Direction): readonly Trouble[] {
    return this.#troubles
      .filter((_, node) => nodes === "all" || nodes === node)
      .flatMap(({ requests, answers }) => [
        ...(direction === "answers" ? [] : [requests]),
        ...(direction === "requests" ? [] : [answers]),
      ]);
  }

  mend(troubles: readonly Trouble[]): void {
    for (const trouble of troubles) mend(trouble);
    for (const way of this.#ways) way.look();
  }

  /** Ends all connections that there are, by an RST. */
  reset(): void {
    for (const way of this.#ways) way.reset();
  }

  async close(): Promise<void> {
    await Promise.all(this.#ways.map((way) => way.close()));
  }
}
