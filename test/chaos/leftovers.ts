import { setTimeout as sleep } from "node:timers/promises";
import { longestTtlMs } from "./crew.ts";
import type { Nodes } from "./nodes.ts";
import type { Onlooker } from "./onlooker.ts";

const graceMs = 5_000;
/** Leases that are to outlast their owners, such as those of latches, are granted for longer. */
const lastingTtl = 900n;

/** What is in etcd when all have ended, and one TTL and five seconds are over. */
export async function leftoversOf(
  { witness, etcd }: Onlooker,
  nodes: Nodes,
): Promise<readonly string[]> {
  const deadline = performance.now() + longestTtlMs + graceMs;
  for (;;) {
    const leases = await leasesOf(nodes);
    for (const id of leases) {
      const { grantedTtl } = await etcd.leaseTimeToLive({ id });
      if (grantedTtl > lastingTtl) await etcd.leaseRevoke(id);
    }
    const left = [...witness.keys(), ...leases.map((id) => `lease ${id.toString(16)}`)];
    if (left.length === 0 || performance.now() > deadline) return left;
    await sleep(200);
  }
}

async function leasesOf({ members }: Nodes): Promise<readonly bigint[]> {
  const { stdout } = (await members[0]?.etcdctl("lease", "list")) ?? { stdout: "" };
  const lines = stdout.split("\n").slice(1).filter(Boolean);
  return lines.map((line) => BigInt(`0x${line.trim()}`));
}
