import assert from "node:assert/strict";
import { Etcd3 } from "etcd3";
import { afterAll, beforeAll } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { isEtcd3 } from "../../src/etcd/etcd3/client.ts";
import { Etcd3Store } from "../../src/etcd/etcd3/etcd3-store.ts";
import { GrpcEtcd } from "../../src/etcd/grpc/grpc-etcd.ts";
import { describeEtcd } from "../support/describe-etcd.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../support/etcd-server.ts";

describeOnEveryEtcd("The contract", (version) => {
  let server: EtcdServer;

  beforeAll(async () => {
    server = await startEtcd({ version });
  });

  afterAll(() => server.stop());

  describeEtcd("GrpcEtcd", async () => ({
    etcd: new GrpcEtcd({ endpoints: [server.endpoint] }),
  }));

  describeEtcd("Etcd3Store", async () => {
    const client: object = new Etcd3({ hosts: server.endpoint });
    assert.ok(isEtcd3(client) && client instanceof Etcd3);
    return { etcd: new Etcd3Store(client, systemClock), afterwards: () => client.close() };
  });
});
