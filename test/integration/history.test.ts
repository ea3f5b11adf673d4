import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../support/etcd-server.ts";
import { type PrimitiveName, primitives } from "../support/history/primitives.mjs";
import { ProcessWorld } from "../support/history/process-world.ts";
import { violations } from "../support/history/violations.ts";

const { SEED = "1", DURATION_MS = "6000" } = process.env;
const seed = Number(SEED);
const durationMs = Number(DURATION_MS);

describeOnEveryEtcd("Eight processes, some killed and some stopped,", (version) => {
  let server: EtcdServer;

  beforeAll(async () => {
    server = await startEtcd({ version });
  });

  afterAll(() => server.stop());

  describe.each(Object.keys(primitives) as PrimitiveName[])("with one %s", (primitive) => {
    it(
      `keep every promise (seed ${seed})`,
      async () => {
        const world = new ProcessWorld({ server, primitive, seed, durationMs });
        const chronicle = await world.live();
        const { history, writes } = chronicle;
        const count = (kind: string): number =>
          history.filter((event) => event.kind === kind).length;

        expect(violations(chronicle)).toEqual([]);
        expect(count("got")).toBeGreaterThan(durationMs / 50);
        expect(writes.length).toBeGreaterThan(durationMs / 50);
        expect(count("died")).toBeGreaterThan(0);
      },
      durationMs + 30_000,
    );
  });
});
