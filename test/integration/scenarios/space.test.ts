import { expect, it, onTestFinished } from "vitest";
import { connect } from "../../../src/connect.ts";
import { describeOnEveryEtcd, startEtcd } from "../../support/etcd-server.ts";
import { putKey } from "../../support/keys.ts";

// The numbers are those of docs/guarantees.md.
describeOnEveryEtcd("when etcd's space is used up,", (version) => {
  it("scenario 20: holds are kept and released, and acquire says what is wrong", async () => {
    const server = await startEtcd({ version, args: ["--quota-backend-bytes=1048576"] });
    onTestFinished(() => server.stop());
    const locks = await connect(server.endpoint, { ttlMs: 3_000 });
    onTestFinished(() => locks.close());
    const holds = await Promise.all(["a", "b"].map((name) => locks.acquire(name)));
    const [hold, other] = holds as [(typeof holds)[0], (typeof holds)[0]];
    const waiting = locks.acquire("a");
    // Etcd looks at the space only as often as it writes to its disk.
    let failure: unknown;
    for (let count = 0; !failure && count < 2_000; count++) {
      failure = await putKey(locks.etcd, "filler", "x".repeat(20_000)).then(
        () => undefined,
        (error) => error,
      );
    }

    expect(failure).toMatchObject({ code: "STORE_FULL" });
    const refused = await locks.acquire("c").catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "STORE_FULL" });
    expect(String(refused)).toMatch(/space/);
    // Longer than a TTL: what is held is renewed, and what waits keeps its place.
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    expect(hold.held).toBe(true);
    await hold.verify();
    await hold.release();
    const next = await waiting;
    expect(next.held).toBe(true);
    await next.release();

    const { header } = await locks.etcd.leaseTimeToLive({ id: other.lease });
    await locks.etcd.compact(header.revision);
    await server.etcdctl("defrag");
    await server.etcdctl("alarm", "disarm");
    await locks.run("c", async () => {});
    expect(other.held).toBe(true);
    await other.release();
  });
});
