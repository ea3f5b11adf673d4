import type { Random } from "../support/seeded-random.ts";
import type { Sense } from "../support/ways/peer-ways.ts";
import type { AdminFault, ClientFault, ClusterFault, Direction, Role } from "./fault.ts";

/** A kind of fault, of which each one drawn is a little different. */
export interface Drawing<What> {
  readonly draw: (
    random: Random,
    client: number,
  ) => { readonly what: What; readonly forMs: number };
}

/** The kinds of one track: which are there in the shortest run, and all. */
export interface Track<What> {
  readonly first: readonly Drawing<What>[];
  readonly all: readonly Drawing<What>[];
}

const between = (random: Random, least: number, most: number): number =>
  Math.round(least + random() * (most - least));
const oneOf = <T>(random: Random, items: readonly [T, ...T[]]): T =>
  items[Math.floor(random() * items.length)] ?? items[0];

const roles: readonly [Role, ...Role[]] = ["leader", "follower"];
const oneWay: readonly [Sense, ...Sense[]] = ["out", "in"];
const directions: readonly [Direction, ...Direction[]] = ["both", "requests", "answers"];

/** How long a stopped leader stands still: longer than any TTL here, and than two elections. */
const leaderStopMs = 7_000;

const stopLeader: Drawing<ClusterFault> = {
  draw: () => ({ what: { kind: "stop node", role: "leader" }, forMs: leaderStopMs }),
};
const killLeader: Drawing<ClusterFault> = {
  draw: (random) => ({
    what: { kind: "kill node", role: "leader" },
    forMs: between(random, 2_500, 4_000),
  }),
};
const cutOneWay: Drawing<ClusterFault> = {
  draw: (random) => ({
    what: { kind: "cut node", role: oneOf(random, roles), sense: oneOf(random, oneWay) },
    forMs: between(random, 2_500, 5_000),
  }),
};
const simple = (
  kind: "slow nodes" | "lossy nodes" | "lose quorum" | "no space",
  least: number,
  most: number,
): Drawing<ClusterFault> => ({
  draw: (random) => ({ what: { kind }, forMs: between(random, least, most) }),
});

/** What happens to the cluster. */
export const drawCluster: Track<ClusterFault> = {
  first: [stopLeader, killLeader, cutOneWay],
  all: [
    stopLeader,
    killLeader,
    cutOneWay,
    {
      draw: (random) => ({
        what: { kind: "kill node", role: "follower" },
        forMs: between(random, 500, 4_000),
      }),
    },
    {
      draw: (random) => ({
        what: { kind: "stop node", role: oneOf(random, roles) },
        forMs: between(random, 500, 4_000),
      }),
    },
    {
      draw: (random) => ({
        what: { kind: "cut node", role: oneOf(random, roles), sense: "both" },
        forMs: between(random, 2_000, 6_000),
      }),
    },
    {
      draw: (random) => ({
        what: { kind: "slow disk", role: oneOf(random, roles) },
        forMs: between(random, 2_000, 5_000),
      }),
    },
    simple("slow nodes", 2_000, 6_000),
    simple("lossy nodes", 2_000, 6_000),
    {
      draw: (random) => ({
        what: { kind: "kill node and writer", role: "leader" },
        forMs: between(random, 2_500, 4_000),
      }),
    },
    { draw: () => ({ what: { kind: "reset nodes" }, forMs: 0 }) },
    simple("lose quorum", 2_000, 6_000),
    { draw: () => ({ what: { kind: "restart all" }, forMs: 1_500 }) },
    simple("no space", 1_000, 3_000),
  ],
};

const killClient: Drawing<ClientFault> = {
  draw: (random, client) => ({
    what: { kind: "kill client", client, asItHolds: random() < 0.7 },
    forMs: between(random, 100, 3_000),
  }),
};
const stopClient: Drawing<ClientFault> = {
  draw: (random, client) => ({
    what: { kind: "stop client", client, asItHolds: random() < 0.5 },
    forMs: between(random, 500, 8_000),
  }),
};
const killWriter: Drawing<ClientFault> = {
  draw: (random) => ({ what: { kind: "kill writer" }, forMs: between(random, 100, 3_000) }),
};
const stopWriter: Drawing<ClientFault> = {
  // Longer than any TTL: it wakes up when somebody else has written.
  draw: (random) => ({ what: { kind: "stop writer" }, forMs: between(random, 6_500, 8_000) }),
};
const cutClient: Drawing<ClientFault> = {
  draw: (random, client) => ({
    what: {
      kind: "cut client",
      client,
      nodes: random() < 0.6 ? "all" : Math.floor(random() * 3),
      direction: oneOf(random, directions),
    },
    forMs: between(random, 500, 8_000),
  }),
};

/** What happens to clients. */
export const drawClient: Track<ClientFault> = {
  first: [killClient, stopClient, cutClient, stopWriter, killWriter],
  all: [
    killClient,
    stopClient,
    cutClient,
    stopWriter,
    killWriter,
    {
      draw: (random, client) => ({
        what: { kind: "slow client", client },
        forMs: between(random, 1_000, 6_000),
      }),
    },
    {
      draw: (random, client) => ({
        what: { kind: "lossy client", client },
        forMs: between(random, 1_000, 6_000),
      }),
    },
    { draw: (_, client) => ({ what: { kind: "reset client", client }, forMs: 0 }) },
  ],
};

const admin = (kind: AdminFault["kind"]): Drawing<AdminFault> => ({
  draw: () => ({ what: { kind }, forMs: 0 }),
});
const revoke = admin("revoke lease");
const compact = admin("compact");

/** What an administrator does. */
export const drawAdmin: Track<AdminFault> = {
  first: [revoke, compact],
  all: [revoke, compact, admin("delete key"), admin("force release"), admin("defragment")],
};
