import type { Etcd, RequestOp } from "../etcd/api.ts";
import { bytesOf, sessionsPrefix } from "./keys.ts";
import type { QuorumWrite } from "./lease-keeper.ts";

/**
 * An operation that changes nothing, but makes its transaction a write: etcd answers a
 * transaction of reads from one member, which after a pause may be a stale one
 * (etcd-io/etcd#20418). What ownership is decided by has to go through consensus.
 */
export function throughConsensus(key: Uint8Array): RequestOp {
  // Nobody puts this key: it is our own, with a zero byte behind it.
  const nobodys = new Uint8Array(key.length + 1);
  nobodys.set(key);
  return { op: "deleteRange", request: { key: nobodys } };
}

/** What a majority has to agree on, and changes nothing, below a namespace. */
export function quorumWrite(etcd: Etcd, namespace: string): QuorumWrite {
  const success = [throughConsensus(bytesOf(sessionsPrefix(namespace)))];
  return async (call) => (await etcd.txn({ success }, call)).header;
}
