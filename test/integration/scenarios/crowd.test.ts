import { expect, it, onTestFinished } from "vitest";
import { connect } from "../../../src/connect.ts";
import type { Locks } from "../../../src/locks.ts";
import { describeOnEveryEtcd, startEtcd } from "../../support/etcd-server.ts";
import { nothingLeft } from "../../support/server-state.ts";

// `npm run load -- --waiters 10000` makes it as many as docs/guarantees.md says, which takes minutes.
const crowd = 1_000;

// The numbers are those of docs/guarantees.md.
describeOnEveryEtcd("in a crowd,", (version) => {
  it(`scenario 23: ${crowd} waiters get in in the order in which they joined, and leave nothing`, {
    timeout: 120_000,
  }, async () => {
    const server = await startEtcd({ version });
    onTestFinished(() => server.stop());
    const clients = await Promise.all([1, 2, 3, 4].map(() => connect(server.endpoint)));
    const [first] = clients as [Locks];
    const gate = await first.acquire("crowd");
    const tokens: bigint[] = [];
    const waiting = Array.from({ length: crowd }, async (_, index) => {
      const hold = await (clients[index % clients.length] ?? first).acquire("crowd");
      tokens.push(hold.fencingToken);
      await hold.release();
    });
    const all = Promise.all(waiting);
    await Promise.race([all, joined(first)]);
    await gate.release();
    await all;

    expect(tokens).toHaveLength(crowd);
    expect(tokens).toEqual(tokens.toSorted((a, b) => Number(a - b)));
    await Promise.all(clients.map((client) => client.close()));
    await nothingLeft(server);
  });
});

/** Resolves when all of them stand in the queue. */
async function joined(locks: Locks): Promise<void> {
  const key = locks.keyOf("crowd");
  const range = { key: Buffer.from(`${key}/`), rangeEnd: Buffer.from(`${key}0`), countOnly: true };
  for (;;) {
    const { responses } = await locks.etcd.txn({ success: [{ op: "range", request: range }] });
    const [found] = responses;
    if (found?.op === "range" && found.response.count > BigInt(crowd)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
