import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { EmbeddedEtcd } from "../../../src/etcd/embedded/embedded-etcd.ts";
import { GrpcServer } from "../../../src/etcd/server/grpc-server.ts";
import { kvService } from "../../../src/etcd/server/kv-service.ts";
import { leaseService } from "../../../src/etcd/server/lease-service.ts";
import { maintenanceService } from "../../../src/etcd/server/maintenance-service.ts";
import { watchService } from "../../../src/etcd/server/watch-service.ts";
import { operations } from "../../support/cuts/operations.ts";
import { Sweeper, type SweepOptions } from "../../support/cuts/sweep.ts";

let server: GrpcServer;
let store: EmbeddedEtcd;
let sweeper: Sweeper;

beforeAll(async () => {
  const clock = systemClock;
  store = new EmbeddedEtcd({ clock });
  server = new GrpcServer({
    clock,
    keepaliveMs: 60_000,
    keepaliveTimeoutMs: 20_000,
    services: {
      "etcdserverpb.KV": kvService(store),
      "etcdserverpb.Lease": leaseService(store),
      "etcdserverpb.Watch": watchService(store, { clock, progressMs: 600_000 }),
      "etcdserverpb.Maintenance": maintenanceService(store),
    },
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0, keepsProcessAlive: false });
  sweeper = await Sweeper.start(`127.0.0.1:${port}`, store, { lanes: 16 });
});

afterAll(async () => {
  await sweeper.stop();
  await server.close();
  await store.close();
});

describe("An exchange with a server of our own comes to one effect", { timeout: 60_000 }, () => {
  it.each<SweepOptions & { readonly when: string; readonly cutsEach: number }>([
    {
      when: "the connection is reset behind any frame of it",
      ...{ unit: "frames", kind: "reset", cutsEach: 5 },
    },
    {
      when: "the connection is reset in the middle of a frame",
      ...{ unit: "bytes", kind: "reset", stride: 97, offset: 31, cutsEach: 3 },
    },
    {
      when: "the rest comes too late, after the call has ended",
      ...{ unit: "frames", kind: "hold", stride: 5, cutsEach: 1 },
    },
    {
      when: "the receiver of it hears no more behind a frame, and goes on speaking",
      ...{ unit: "frames", kind: "half close", stride: 5, offset: 1, cutsEach: 1 },
    },
  ])("when $when", async ({ cutsEach, ...sweep }) => {
    const tried = operations.filter(({ isTimed }) => !isTimed);
    const { cutsOf, failures } = await sweeper.sweep(tried, sweep);

    expect(failures).toEqual([]);
    const cuts = [...cutsOf.values()].reduce((sum, each) => sum + each, 0);
    expect(cuts).toBeGreaterThan(tried.length * cutsEach);
  });
});
