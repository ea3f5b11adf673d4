import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GrpcEtcd } from "../../src/etcd/grpc/grpc-etcd.ts";
import { operations } from "../support/cuts/operations.ts";
import { Sweeper } from "../support/cuts/sweep.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../support/etcd-server.ts";
import { allKeys } from "../support/keys.ts";

describeOnEveryEtcd("Every exchange comes to one effect", (version) => {
  let server: EtcdServer;
  let etcd: GrpcEtcd;

  beforeAll(async () => {
    server = await startEtcd({ version });
    etcd = new GrpcEtcd({ endpoints: [server.endpoint] });
  });

  afterAll(async () => {
    await etcd.close();
    await server.stop();
  });

  /** How many leases there are, by `etcdctl lease list`. */
  async function leaseCount(): Promise<number> {
    const { stdout } = await server.etcdctl("lease", "list");
    return Number(/found (\d+) leases/.exec(stdout)?.[1]);
  }

  describe("and leaves nothing behind", { timeout: 120_000 }, () => {
    it("when the connection is reset behind any frame of it", async () => {
      const sweeper = await Sweeper.start(server.endpoint, etcd, { lanes: 24 });
      const { cutsOf, failures } = await sweeper.sweep(operations, {
        ...{ unit: "frames", kind: "reset" },
      });
      await sweeper.stop();

      expect(failures).toEqual([]);
      for (const [{ title }, cuts] of cutsOf) expect(cuts, title).toBeGreaterThan(7);
      expect(await allKeys(etcd)).toEqual([]);
      // Those of clients that could not connect, and what was to end but was not answered.
      await expect.poll(leaseCount, { timeout: 10_000 }).toBe(0);
    });

    it("when it is not answered in time behind a frame of it, is asked again, and arrives late", async () => {
      const sweeper = await Sweeper.start(server.endpoint, etcd, { lanes: 32, hastyMs: 800 });
      const silent = operations.filter(({ isTimed }) => !isTimed);
      const { cutsOf, failures } = await sweeper.sweep(silent, {
        // Each costs the time that is given up on.
        ...{ unit: "frames", kind: "hold", stride: 3 },
      });
      await sweeper.stop();

      expect(failures).toEqual([]);
      for (const [{ title }, cuts] of cutsOf) expect(cuts, title).toBeGreaterThan(1);
    });
  });
});
