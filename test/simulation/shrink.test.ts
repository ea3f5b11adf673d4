import { describe, expect, it } from "vitest";
import type { Fault } from "./fault.ts";
import { drawPlan, type Plan } from "./plan.ts";
import { shrink } from "./shrink.ts";

/** Of many seeds, the plan with the most in it. */
function largestPlan(): Plan {
  const plans = Array.from({ length: 200 }, (_, index) => drawPlan(index + 1));
  return plans.toSorted((a, b) => sizeOf(b) - sizeOf(a))[0] as Plan;
}

function sizeOf({ clients, faults }: Plan): number {
  return faults.length + stepsOf({ clients }).length;
}

function stepsOf({ clients }: Pick<Plan, "clients">) {
  return clients.flatMap(({ strands }) => strands.flat());
}

const long: Fault = { atMs: 1_234.5, what: "pause", index: 40, forMs: 4_321.25, electMs: 0 };

describe("shrink", () => {
  it("leaves one client with one step when anything fails", async () => {
    const { plan } = await shrink(largestPlan(), async () => true);

    expect(plan.clients).toHaveLength(1);
    expect(stepsOf(plan)).toHaveLength(1);
    expect(plan).toMatchObject({
      faults: [],
      faultRate: 0,
      slowMs: 0,
      latencyMs: 2,
      electionMs: 0,
    });
  });

  it("keeps what it does not fail without, and nothing else", async () => {
    const drawn = largestPlan();
    const faults = [...drawn.faults, long, { ...long, what: "elect" as const }];
    const fails = async ({ clients, faults }: Plan) =>
      clients.length >= 2 && faults.some(({ what, forMs }) => what === "pause" && forMs > 1_000);

    const { plan } = await shrink({ ...drawn, faults }, fails);

    expect(stepsOf(plan)).toHaveLength(2);
    expect(plan.faults).toHaveLength(1);
    expect(plan.faults[0]).toMatchObject({ what: "pause", atMs: 0, index: 4 });
    expect(plan.faults[0]?.forMs).toBeGreaterThan(1_000);
    expect(plan.faults[0]?.forMs).toBeLessThan(1_200);
  });

  it("returns nothing that was not seen to fail", async () => {
    const seen = new Set<Plan>();
    let draws = 7;
    const fails = async (plan: Plan) => {
      draws = (draws * 16_807) % 2_147_483_647;
      if (draws % 3 > 0) seen.add(plan);
      return draws % 3 > 0;
    };

    const { plan } = await shrink(largestPlan(), fails);

    expect(seen).toContain(plan);
  });

  it("returns the very plan when nothing smaller fails", async () => {
    const drawn = largestPlan();

    const { plan } = await shrink(drawn, async () => false);

    expect(plan).toBe(drawn);
  });

  it("tries no more often than it may", async () => {
    let tries = 0;
    const fails = async () => {
      tries += 1;
      return tries % 2 === 0;
    };

    expect((await shrink(largestPlan(), fails, 25)).tries).toBe(25);
    expect(tries).toBe(25);
  });
});
