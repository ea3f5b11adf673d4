import type { EtcdServer } from "../../scripts/etcd-server.mjs";
import type { Locks } from "../../src/locks.ts";
import type { Random } from "../support/seeded-random.ts";
import type { Deed } from "./deed.ts";
import type { AdminFault } from "./fault.ts";
import type { Nodes } from "./nodes.ts";
import type { Onlooker, Standing } from "./onlooker.ts";

/** What an administrator has to work with. */
export interface Office {
  readonly nodes: Nodes;
  readonly onlooker: Onlooker;
  /** A client of ours, by ways that nobody disturbs. */
  readonly locks: Locks;
  readonly random: Random;
}

/**
 * Does what an administrator may do, and writes into the deed to whom, before it is done: if the
 * answer is lost, it may have been done all the same. Does nothing if there is nobody to do it to.
 */
export async function administer(
  { kind }: AdminFault,
  deed: Deed,
  { nodes, onlooker, locks, random }: Office,
): Promise<void> {
  const { etcd } = onlooker;
  const heads = onlooker.heads();
  const head: Standing | undefined = heads[Math.floor(random() * heads.length)];
  if (kind === "compact") {
    deed.target = `up to revision ${onlooker.revision}`;
    await etcd.compact(onlooker.revision);
    return;
  }
  if (kind === "defragment") {
    const index = Math.floor(random() * nodes.members.length);
    deed.target = `node ${index + 1}`;
    await (nodes.members[index] as EtcdServer).etcdctl("defrag");
    return;
  }
  if (!head) return;
  deed.target = head.name;
  if (kind === "revoke lease") {
    deed.lease = head.lease;
    const { header } = await etcd.leaseRevoke(head.lease);
    deed.revision = header.revision;
    return;
  }
  deed.victim = head.token;
  if (kind === "delete key") {
    const { header } = await etcd.txn({
      success: [{ op: "deleteRange", request: { key: head.key } }],
    });
    deed.revision = header.revision;
    return;
  }
  const options = { reason: "chaos", graceMs: 200, fencingToken: head.token };
  await locks.forceRelease(head.name, options);
}
