import type { Random } from "../seeded-random.ts";
import { sourceMember } from "./source-member.ts";
import { noTrouble, type Trouble } from "./trouble.ts";
import { type Connection, Way } from "./way.ts";
import { Ways } from "./ways.ts";

/** Which direction of what goes between a node and the others. */
export type Sense = "both" | "out" | "in";

/**
 * The ways between the members of a cluster, one direction of one link at a time. All others find a
 * member at one address, so a connection says by itself who made it.
 */
export class PeerWays extends Ways {
  readonly #random: Random;
  protected readonly ways: Way[] = [];
  readonly #links = new Map<string, Trouble>();
  readonly #indexes = new Map<string, number>();

  constructor(random: Random) {
    super();
    this.#random = random;
  }

  /** Opens the way to a member. Resolves with where others find it. */
  async open(target: string, member: number): Promise<string> {
    const troublesOf = ({ source }: Connection) => {
      const from = source === undefined ? undefined : this.#indexes.get(source);
      return { requests: this.link(from, member), answers: this.link(member, from) };
    };
    const options = { target, random: this.#random, troublesOf };
    const way = await Way.open(options, (connection) => {
      connection.inner.prependListener("data", (sent: Buffer) => {
        connection.source ??= sourceMember(sent);
      });
    });
    this.ways.push(way);
    return way.address;
  }

  /** From now on members are known by their ids. */
  know(id: bigint, member: number): void {
    this.#indexes.set(id.toString(16), member);
  }

  /** What is wrong with what one sends to another. Nothing ever is as long as one of them is unknown. */
  link(from: number | undefined, to: number | undefined): Trouble {
    const key = `${from}>${to}`;
    const link = this.#links.get(key) ?? noTrouble();
    if (from !== undefined && to !== undefined) this.#links.set(key, link);
    return link;
  }

  /** All that goes between a member and the others: what it sends, what it is sent, or both. */
  around(member: number, sense: Sense): readonly Trouble[] {
    const others = [...this.ways.keys()].filter((other) => other !== member);
    return [
      ...(sense === "in" ? [] : others.map((other) => this.link(member, other))),
      ...(sense === "out" ? [] : others.map((other) => this.link(other, member))),
    ];
  }

  /** All directions of all links. */
  all(): readonly Trouble[] {
    return [...this.ways.keys()].flatMap((member) => this.around(member, "out"));
  }
}
