import { setTimeout as sleep } from "node:timers/promises";
import { type EtcdCluster, type EtcdServer, startServers } from "../../scripts/etcd-server.mjs";
import type { EtcdBinaries } from "../../scripts/etcd-version.mjs";
import type { MemberStatus } from "../../src/etcd/grpc/member-status.ts";
import { askMember } from "../../src/etcd/grpc/probe.ts";
import type { Random } from "../support/seeded-random.ts";
import { PeerWays } from "../support/ways/peer-ways.ts";

const size = 3;
const askMs = 300;
const longestElectionMs = 10_000;

/** Three nodes of etcd, and the ways between them. */
export class Nodes {
  readonly members: readonly EtcdServer[];
  readonly ways: PeerWays;
  readonly #cluster: EtcdCluster;

  private constructor(cluster: EtcdCluster, ways: PeerWays) {
    this.#cluster = cluster;
    this.members = cluster.members;
    this.ways = ways;
  }

  static async start(binaries: EtcdBinaries, random: Random): Promise<Nodes> {
    const ways = new PeerWays(random);
    // With few entries between snapshots, one that was away for long is sent one.
    const args = ["--snapshot-count=1000"];
    const wayToPeer = (peer: string, member: number): Promise<string> => ways.open(peer, member);
    const nodes = new Nodes(await startServers(binaries, size, { args, wayToPeer }), ways);
    for (const index of nodes.members.keys()) {
      const id = (await nodes.status(index))?.header.memberId;
      if (id === undefined) throw new Error("A node that has started does not answer");
      ways.know(id, index);
    }
    return nodes;
  }

  get endpoints(): readonly string[] {
    return this.#cluster.endpoints;
  }

  /** What a node says of itself; nothing if it does not answer at once. */
  async status(index: number): Promise<MemberStatus | undefined> {
    const { endpoint } = this.members[index] as EtcdServer;
    const options = { connectTimeoutMs: askMs, callTimeoutMs: askMs };
    return askMember(endpoint, options).catch(() => undefined);
  }

  /** Who leads now, of those that answer: of two that say so, the one of the higher term. */
  async leaderNow(): Promise<number | undefined> {
    const all = await Promise.all([...this.members.keys()].map((index) => this.status(index)));
    const leaders = [...all.entries()].filter(([, status]) => status && isLeading(status));
    leaders.sort(([, a], [, b]) => Number((b?.header.raftTerm ?? 0n) - (a?.header.raftTerm ?? 0n)));
    return leaders[0]?.[0];
  }

  /** Who leads: waits until somebody does, other than `not`, but not for ever. */
  async leader(not?: number | undefined): Promise<number> {
    const deadline = performance.now() + longestElectionMs;
    while (performance.now() < deadline) {
      const leader = await this.leaderNow();
      if (leader !== undefined && leader !== not) return leader;
      await sleep(20);
    }
    throw new Error("There is no leader");
  }

  async stop(): Promise<void> {
    await this.#cluster.stop();
    await this.ways.close();
  }
}

/** Whether a node says that it leads. */
export function isLeading({ leader, header }: MemberStatus): boolean {
  return leader === header.memberId;
}
