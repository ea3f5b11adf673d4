import type { Etcd } from "../../src/etcd/api.ts";

/** All keys that there are. */
export async function keysIn(etcd: Etcd): Promise<readonly string[]> {
  const all = { key: new Uint8Array(1), rangeEnd: new Uint8Array(1), keysOnly: true };
  const { responses } = await etcd.txn({ success: [{ op: "range", request: all }] });
  const [found] = responses;
  return found?.op === "range"
    ? found.response.kvs.map(({ key }) => Buffer.from(key).toString())
    : [];
}

/** Resolves with the keys below a prefix once there are so many of them. */
export async function keysBelow(
  etcd: Etcd,
  prefix: string,
  count: number,
): Promise<readonly string[]> {
  const deadline = performance.now() + 5_000;
  for (;;) {
    const keys = (await keysIn(etcd)).filter((key) => key.startsWith(prefix));
    if (keys.length === count) return keys;
    if (performance.now() > deadline) throw new Error(`Not ${count}, but ${keys}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
