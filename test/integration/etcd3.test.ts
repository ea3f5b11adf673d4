import { Etcd3 } from "etcd3";
import { afterAll, beforeAll } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { Etcd3Store } from "../../src/etcd/etcd3/etcd3-store.ts";
import { describeEtcd } from "../support/describe-etcd.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../support/etcd-server.ts";

describeOnEveryEtcd("Etcd3Store", (version) => {
  let server: EtcdServer;
  let client: Etcd3;

  beforeAll(async () => {
    server = await startEtcd({ version });
    client = new Etcd3({ hosts: server.endpoint });
  });
  afterAll(async () => {
    client.close();
    await server.stop();
  });

  describeEtcd("keeps the contract of the port", async () => {
    const etcd = new Etcd3Store(client, systemClock);
    // Some cases look at everything from a key on.
    const everything = { key: new Uint8Array(1), rangeEnd: new Uint8Array(1) };
    await etcd.txn({ success: [{ op: "deleteRange", request: everything }] });
    return { etcd };
  });
});
