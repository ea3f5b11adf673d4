import { afterAll, beforeAll, expect, it } from "vitest";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../support/etcd-server.ts";
import { primitives } from "../support/history/primitives.mjs";
import { ProcessWorld } from "../support/history/process-world.ts";
import { violations } from "../support/history/violations.ts";

const { SEED = "1", DURATION_MS = "10000" } = process.env;
const seed = Number(SEED);
const durationMs = Number(DURATION_MS);

describeOnEveryEtcd("Eight processes, some killed and some stopped,", (version) => {
  let server: EtcdServer;

  beforeAll(async () => {
    server = await startEtcd({ version });
  });

  afterAll(() => server.stop());

  it(
    `keep every promise of all primitives at once (seed ${seed})`,
    async () => {
      const world = new ProcessWorld({ server, seed, durationMs });
      const chronicle = await world.live();
      const { history, writes } = chronicle;
      const count = (kind: string, primitive = ""): number =>
        history.filter(
          (event) => event.kind === kind && "name" in event && event.name.startsWith(primitive),
        ).length;

      expect(violations(chronicle)).toEqual([]);
      // So much happened that this says something; how much more is up to the machine.
      for (const primitive of Object.keys(primitives)) {
        const often = primitive === "once" ? durationMs / 4_000 : durationMs / 1_000;
        expect(count("got", primitive), primitive).toBeGreaterThan(often);
      }
      expect(count("shares")).toBeGreaterThan(durationMs / 5_000);
      expect(count("enters")).toBeGreaterThan(durationMs / 1_000);
      expect(count("passes")).toBeGreaterThan(durationMs / 2_500);
      expect(writes.length).toBeGreaterThan(durationMs / 100);
      expect(history.some(({ kind }) => kind === "died")).toBe(true);
    },
    durationMs + 60_000,
  );
});
