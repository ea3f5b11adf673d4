import { describe, expect, it } from "vitest";
import { seededRandom } from "../support/seeded-random.ts";
import { chaosOptions } from "./chaos-options.ts";
import { drawFaults } from "./draw-faults.ts";
import { escaped } from "./report/svg.ts";

const schedule = { durationMs: 60_000, clients: 8, calmMs: 9_000 };
const seeds = Array.from({ length: 200 }, (_, seed) => seed + 1);

describe("the faults of a run", () => {
  it("are the same for the same seed, and others for another", () => {
    const drawn = seeds.map((seed) => JSON.stringify(drawFaults(seededRandom(seed), schedule)));
    const again = seeds.map((seed) => JSON.stringify(drawFaults(seededRandom(seed), schedule)));

    expect(again).toEqual(drawn);
    expect(new Set(drawn).size).toBe(seeds.length);
  });

  it("stop and kill the leader, cut a node off one way and kill a client, even in a minute", () => {
    for (const seed of seeds) {
      const kinds = new Set(drawFaults(seededRandom(seed), schedule).map(({ what }) => what.kind));
      const needed = ["stop node", "kill node", "cut node", "kill client", "revoke lease"] as const;
      expect({ seed, missing: needed.filter((kind) => !kinds.has(kind)) }).toEqual({
        ...{ seed, missing: [] },
      });
    }
  });

  it("come to the cluster one after the other, and end before the calm at the end", () => {
    for (const seed of seeds) {
      let freeAt = 0;
      const faults = drawFaults(seededRandom(seed), schedule);
      for (const { atMs, forMs } of faults.filter(({ to }) => to === "cluster")) {
        expect(atMs).toBeGreaterThanOrEqual(freeAt);
        freeAt = atMs + forMs;
      }
      expect(freeAt).toBeLessThanOrEqual(schedule.durationMs - schedule.calmMs);
    }
  });
});

describe("the options of a run", () => {
  it("are a minute and a drawn seed when left out", () => {
    expect(chaosOptions([], () => 5)).toMatchObject({ minutes: 1, seed: 5, isBroken: false });
  });

  it.each([["--minutes=0"], ["--minutes=soon"], ["--seed=-1"], ["--speed=2"]])(
    "can't be %s",
    (arg) => {
      expect(() => chaosOptions([arg], () => 5)).toThrow(/--minutes|--seed|--speed/);
    },
  );
});

it("what stands in a report is text, whatever it is", () => {
  expect(escaped('<b title="x">&')).toBe("&#60;b title=&#34;x&#34;&#62;&#38;");
});
