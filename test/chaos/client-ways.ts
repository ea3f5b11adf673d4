import type { Random } from "../support/seeded-random.ts";
import { noTrouble, type Trouble } from "../support/ways/trouble.ts";
import { type Troubles, Way } from "../support/ways/way.ts";
import { Ways } from "../support/ways/ways.ts";
import type { Direction } from "./fault.ts";

/** The ways of one client to the nodes. */
export class ClientWays extends Ways {
  protected readonly ways: readonly Way[];
  readonly #troubles: readonly Troubles[];

  private constructor(ways: readonly Way[], troubles: readonly Troubles[]) {
    super();
    this.ways = ways;
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
    return this.ways.map(({ address }) => address);
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
}
