import { afterAll, beforeAll } from "vitest";
import { GrpcEtcd } from "../../src/etcd/grpc/grpc-etcd.ts";
import { describeEtcd } from "../support/describe-etcd.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../support/etcd-server.ts";

describeOnEveryEtcd("GrpcEtcd", (version) => {
  let server: EtcdServer;

  beforeAll(async () => {
    server = await startEtcd({ version });
  });

  afterAll(() => server.stop());

  describeEtcd("behind the port", async () => ({
    etcd: new GrpcEtcd({ endpoints: [server.endpoint] }),
  }));
});
