import type { Plan } from "./plan.ts";
import { writePlan } from "./plan-file.ts";
import { runPlan } from "./run-plan.ts";
import { shrink } from "./shrink.ts";

/** Makes a plan that fails small, keeps it in a file, and tells its story. */
export async function tellSmallest(
  plan: Plan,
  violations: readonly string[],
  tell: (line: string) => void,
): Promise<void> {
  const wanted = new Set(violations.map(kindOf));
  const fails = async (candidate: Plan): Promise<boolean> =>
    (await runPlan(candidate)).violations.some((violation) => wanted.has(kindOf(violation)));
  if (!(await fails(plan))) {
    tell(
      `Seed ${plan.seed} does not fail when it runs by itself: something is shared between runs`,
    );
    return;
  }
  const { plan: smallest, tries } = await shrink(plan, fails);
  const path = writePlan(smallest);
  const { violations: left } = await runPlan(smallest);
  const { clients, faults } = smallest;
  const steps = clients.flatMap(({ strands }) => strands.flat()).length;
  tell(
    `The smallest that fails so, after ${tries} tries, has ${clients.length} clients, ${steps} steps and ${faults.length} faults:\n${left.join("\n")}`,
  );
  tell(`To see it again: npm run simulate -- --plan ${path}`);
}

/** Which promise a violation is of: how its story begins, but for names and numbers. */
export function kindOf(violation: string): string {
  const [first = ""] = violation.split("\n");
  const [, wrong = first] = /^(.*?):(\s|$)/.exec(first) ?? [];
  return wrong.replaceAll(/[\d.]+/g, "#");
}
