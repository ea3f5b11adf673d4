import { connect, type Etcd, type Locks, StoreError } from "microlock";
import { startEtcd } from "microlock/testkit";

/** Where the locks of the demo are kept. */
export interface DemoStore extends AsyncDisposable {
  /** The demo's own client; the replicas have theirs. */
  readonly locks: Locks;
  /** Where the replicas find it; where etcdctl would go when undefined. */
  readonly target: string | undefined;
  /** Which store it is, and if need be why. For people to read. */
  readonly description: string;
  /** The TTL that the store grants to who asks for `askedTtlMs`. */
  readonly ttlMs: number;
}

/** What the replicas ask for: the least that etcd grants with its default settings. */
export const askedTtlMs = 2_000;

// Long enough for an etcd that is there, short enough to wait for one that is not.
const callTimeoutMs = 2_000;
const namespace = "microlock-demo/";

/** Goes to etcd where etcdctl would, and to one that the demo itself serves if nobody answers there. */
export async function openStore(): Promise<DemoStore> {
  const where = process.env["ETCDCTL_ENDPOINTS"] || "127.0.0.1:2379";
  try {
    const locks = await connect({ namespace, callTimeoutMs, ttlMs: askedTtlMs });
    return {
      locks,
      target: undefined,
      description: `at ${where}`,
      ttlMs: await grantedTtlMs(locks.etcd),
      [Symbol.asyncDispose]: () => locks.close(),
    };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return serveStore(`none serves us at ${where} (${error.code})`);
  }
}

async function serveStore(why: string): Promise<DemoStore> {
  const etcd = await startEtcd();
  const locks = await connect(etcd.address, { namespace });
  return {
    locks,
    target: etcd.address,
    description: `microlock's own at ${etcd.address}, as microlock serve starts it, since ${why}`,
    ttlMs: await grantedTtlMs(locks.etcd),
    async [Symbol.asyncDispose]() {
      await locks.close();
      await etcd.stop();
    },
  };
}

async function grantedTtlMs(etcd: Etcd): Promise<number> {
  const { id, ttl } = await etcd.leaseGrant({ ttl: BigInt(askedTtlMs / 1_000) });
  await etcd.leaseRevoke(id);
  return Number(ttl) * 1_000;
}

/** How many keys there are whose names begin with `prefix`, which must end in a slash. */
export async function countKeys(etcd: Etcd, prefix: string): Promise<number> {
  const key = Buffer.from(prefix);
  // "0" comes right after "/".
  const rangeEnd = Buffer.from(`${prefix.slice(0, -1)}0`);
  const { responses } = await etcd.txn({
    success: [{ op: "range", request: { key, rangeEnd, countOnly: true } }],
  });
  const [range] = responses;
  return range?.op === "range" ? Number(range.response.count) : 0;
}
