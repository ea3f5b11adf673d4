import { setTimeout as sleep } from "node:timers/promises";
import type { EtcdServer } from "../../scripts/etcd-server.mjs";
import { RawGrpc } from "../support/raw-grpc.ts";
import type { Trouble } from "../support/ways/trouble.ts";
import type { ClusterFault, Role } from "./fault.ts";
import type { Nodes } from "./nodes.ts";

/** What was done, to whom, and how to end it. */
export interface Affliction {
  readonly target: string;
  readonly heal: () => Promise<void>;
}

const all = "all nodes";
const slow = { delayMs: 20, jitterMs: 40 };
const lossy = { loss: 0.02 };
// A disk that is slow to write holds up a node for as long, again and again.
const stall = { forMs: 120, everyMs: 160 };

/** Does something to the cluster. Whoever calls it lets it heal. */
export async function afflict(nodes: Nodes, fault: ClusterFault): Promise<Affliction> {
  switch (fault.kind) {
    case "kill node":
    case "kill node and writer":
      return one(nodes, fault.role, async (node) => {
        await node.kill();
        return () => node.restart();
      });
    case "stop node":
      return one(nodes, fault.role, async (node) => {
        node.signal("SIGSTOP");
        return async () => node.signal("SIGCONT");
      });
    case "slow disk":
      return one(nodes, fault.role, async (node) => stutter(node));
    case "cut node":
      return one(nodes, fault.role, async (_, index) => {
        const around = nodes.ways.around(index, fault.sense);
        trouble(around, { isCut: true });
        return async () => nodes.ways.mend(around);
      });
    case "slow nodes":
    case "lossy nodes": {
      const links = nodes.ways.all();
      trouble(links, fault.kind === "slow nodes" ? slow : lossy);
      return { target: all, heal: async () => nodes.ways.mend(links) };
    }
    case "reset nodes":
      nodes.ways.reset();
      return { target: all, heal: async () => {} };
    case "lose quorum": {
      const leader = await nodes.leader();
      const lost = nodes.members.filter(
        (_, index) => index === leader || index === (leader + 1) % 3,
      );
      await Promise.all(lost.map((node) => node.kill()));
      return { target: all, heal: () => together(lost) };
    }
    case "restart all":
      await Promise.all(nodes.members.map((node) => node.kill()));
      return { target: all, heal: () => together(nodes.members) };
    case "no space":
      return noSpace(nodes);
  }
}

async function one(
  nodes: Nodes,
  role: Role,
  act: (node: EtcdServer, index: number) => Promise<Affliction["heal"]>,
): Promise<Affliction> {
  const leader = await nodes.leader();
  const index = role === "leader" ? leader : (leader + 1) % nodes.members.length;
  const heal = await act(nodes.members[index] as EtcdServer, index);
  return { target: `node ${index + 1}`, heal };
}

function trouble(links: readonly Trouble[], change: Partial<Trouble>): void {
  for (const link of links) Object.assign(link, change);
}

async function together(nodes: readonly EtcdServer[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.restart()));
}

/** Stops a node for moments, again and again, as one is whose disk is slow to write. */
function stutter(node: EtcdServer): Affliction["heal"] {
  let isOver = false;
  const stuttering = (async () => {
    while (!isOver) {
      node.signal("SIGSTOP");
      await sleep(stall.forMs);
      node.signal("SIGCONT");
      await sleep(stall.everyMs - stall.forMs);
    }
  })();
  return async () => {
    isOver = true;
    await stuttering;
  };
}

/** Raises the alarm that etcd raises when its quota is used up. */
async function noSpace(nodes: Nodes): Promise<Affliction> {
  const leader = await nodes.leader();
  const node = nodes.members[leader] as EtcdServer;
  const id = (await nodes.status(leader))?.header.memberId ?? 0n;
  const client = await RawGrpc.connect(node.endpoint);
  const [activate, space] = [1n, 1n];
  await client.ask("Maintenance/Alarm", { 1: activate, 2: BigInt.asIntN(64, id), 3: space });
  await client.close();
  return {
    target: all,
    heal: async () => {
      // The node that is asked may be without a leader for a moment.
      for (const each of [node, ...nodes.members]) {
        const { code } = await each.etcdctl("alarm", "disarm");
        if (code === 0) return;
      }
      throw new Error("The alarm does not end");
    },
  };
}
