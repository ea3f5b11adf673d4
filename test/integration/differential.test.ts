import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import { GrpcEtcd } from "../../src/etcd/grpc/grpc-etcd.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../support/etcd-server.ts";
import { Lockstep } from "../support/lockstep.ts";
import { sequenceArb, watchSequenceArb } from "../support/random-requests.ts";

// FC_SEED=<seed> repeats a run; FC_RUNS=<factor> makes it longer.
const { FC_SEED, FC_RUNS = "1" } = process.env;
const seed = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };
const factor = Number(FC_RUNS);

describeOnEveryEtcd("EmbeddedEtcd next to the real one", (version) => {
  let server: EtcdServer;
  let real: GrpcEtcd;
  let lockstep: Lockstep;

  beforeAll(async () => {
    server = await startEtcd({ version });
    real = new GrpcEtcd({ endpoints: [server.endpoint] });
    lockstep = new Lockstep(new EmbeddedEtcd({ historyLimit: Infinity }), real);
  });

  afterAll(async () => {
    await real.close();
    await server.stop();
  });

  it("gives the same answers, refusals and events", { timeout: 60_000 * factor }, async () => {
    const property = fc.asyncProperty(sequenceArb, (steps) => lockstep.run(steps));
    await fc.assert(property, { ...seed, numRuns: 500 * factor });
    expect(lockstep.answers).toBeGreaterThan(2_500);
  });

  it("tells the same of the past", { timeout: 60_000 * factor }, async () => {
    const property = fc.asyncProperty(watchSequenceArb, (steps) => lockstep.run(steps));
    await fc.assert(property, { ...seed, numRuns: 60 * factor });
    expect(lockstep.events).toBeGreaterThan(200);
  });
});
