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
  sweeper = await Sweeper.start(`127.0.0.1:${port}`, store, 32);
});

afterAll(async () => {
  await sweeper.stop();
  await server.close();
  await store.close();
});

describe("An exchange with a server of our own comes to one effect", { timeout: 30_000 }, () => {
  it.each<SweepOptions & { readonly when: string; readonly cutsEach: number }>([
    {
      when: "the connection is reset behind any frame of it",
      ...{ unit: "frames", kind: "reset", cutsEach: 5 },
    },
    {
      when: "the connection is reset in the middle of a frame",
      ...{ unit: "bytes", kind: "reset", stride: 67, offset: 31, cutsEach: 5 },
    },
    {
      when: "the rest comes too late, after the call has ended",
      ...{ unit: "frames", kind: "hold", stride: 3, cutsEach: 2 },
    },
    {
      when: "the receiver of it hears no more behind a frame, and goes on speaking",
      ...{ unit: "frames", kind: "half close", stride: 3, offset: 1, cutsEach: 2 },
    },
  ])("when $when", async ({ cutsEach, ...sweep }) => {
    const { cuts, failures } = await sweeper.sweep(operations, sweep);

    expect(failures).toEqual([]);
    expect(cuts).toBeGreaterThan(operations.length * cutsEach);
  });
});
