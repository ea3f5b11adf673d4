import { bytesOf, prefixRange, textOf } from "../../src/core/keys.ts";
import { entriesOf } from "../../src/core/queue-requests.ts";
import type { Etcd, KeyValue } from "../../src/etcd/api.ts";

/** All that stands below `prefix`, first come first. */
export async function entriesBelow(etcd: Etcd, prefix: string): Promise<readonly KeyValue[]> {
  const sort = { by: "createRevision", order: "ascending" } as const;
  const request = { ...prefixRange(prefix), sort };
  const { responses } = await etcd.txn({ success: [{ op: "range", request }] });
  return entriesOf(responses[0]);
}

/** Every key in a store. */
export async function allKeys(etcd: Etcd): Promise<string[]> {
  const everything = { key: new Uint8Array([0]), rangeEnd: new Uint8Array([0]) };
  const { responses } = await etcd.txn({ success: [{ op: "range", request: everything }] });
  return entriesOf(responses[0]).map(({ key }) => textOf(key));
}

/** Writes a key as somebody else would, and returns its revision. */
export async function putKey(etcd: Etcd, key: string, value = "", lease = 0n): Promise<bigint> {
  const { header } = await etcd.txn({
    success: [{ op: "put", request: { key: bytesOf(key), value: bytesOf(value), lease } }],
  });
  return header.revision;
}

/** Deletes a key as somebody else would: an admin, or another program. */
export async function deleteKey(etcd: Etcd, key: string): Promise<void> {
  await etcd.txn({ success: [{ op: "deleteRange", request: { key: bytesOf(key) } }] });
}

/** Whether the lease that an entry's key was named after still lives. */
export async function livesLeaseOf(etcd: Etcd, key: string): Promise<boolean> {
  const [hex] = key.slice(key.lastIndexOf("/") + 1).split("-");
  const { ttl } = await etcd.leaseTimeToLive({ id: BigInt(`0x${hex}`) });
  return ttl > -1n;
}

export function textsOf(entries: readonly KeyValue[]): readonly string[] {
  return entries.map(({ key }) => textOf(key));
}

/** What is under a key, if anything is. */
export async function readKey(etcd: Etcd, key: string): Promise<KeyValue | undefined> {
  const request = { key: bytesOf(key) };
  const { responses } = await etcd.txn({ success: [{ op: "range", request }] });
  return entriesOf(responses[0])[0];
}
