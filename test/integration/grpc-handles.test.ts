import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GrpcEtcd } from "../../src/etcd/grpc/grpc-etcd.ts";
import { type EtcdServer, startEtcd } from "../support/etcd-server.ts";
import { eventually } from "../support/eventually.ts";

/** What keeps this process alive, of the kinds that a client might use. */
function handles(): Record<string, number> {
  const counts: Record<string, number> = { TCPSocketWrap: 0, TLSWrap: 0, Timeout: 0 };
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind in counts) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

// Others, such as the look at the server's health, may let go of theirs meanwhile.
function expectNoMoreThan(before: Record<string, number>): void {
  for (const [kind, count] of Object.entries(handles())) {
    expect(count, kind).toBeLessThanOrEqual(before[kind] ?? 0);
  }
}

describe("GrpcEtcd", () => {
  let server: EtcdServer;

  beforeAll(async () => {
    server = await startEtcd();
  });

  afterAll(() => server.stop());

  it("keeps the process alive during a call, but not by a connection or a watch", async () => {
    const etcd = new GrpcEtcd({ endpoints: [server.endpoint] });
    let isCreated = false;
    const before = handles();
    const call = etcd.txn({});
    expect(handles()["Timeout"]).toBe((before["Timeout"] ?? 0) + 1);
    await call;

    etcd.watch(
      { key: Buffer.from("key") },
      { onCreated: () => (isCreated = true), onEvents: () => {}, onEnd: () => {} },
    );
    await eventually(() => isCreated);
    await etcd.leaseKeepAlive(1n);
    expectNoMoreThan(before);
    const idle = handles();
    const housekeeping = etcd.txn({}, { keepsProcessAlive: false });
    expect(handles()["Timeout"]).toBe(idle["Timeout"]);
    await housekeeping;
    await etcd.close();
    expectNoMoreThan(before);
  });

  it("gathers no listeners over many calls, and makes nobody suspect that it does", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): number => warnings.push(warning);
    process.on("warning", onWarning);
    const etcd = new GrpcEtcd({ endpoints: [server.endpoint] });
    const { signal } = new AbortController();
    for (let round = 0; round < 50; round++) {
      await Promise.all(Array.from({ length: 20 }, () => etcd.txn({}, { signal })));
      const watch = etcd.watch({ key: Buffer.from("k") }, { onEvents: () => {}, onEnd: () => {} });
      await etcd.leaseKeepAlive(1n, { signal });
      watch.close();
    }
    await etcd.close();
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
  });
});
