import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "./options.ts";
import { drawPlan, type Plan } from "./plan.ts";

const folder = ".cache/simulation";

/** Keeps a plan in a file. Returns its path. */
export function writePlan(plan: Plan): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `seed-${plan.seed}.json`);
  writeFileSync(path, `${JSON.stringify(plan, undefined, 1)}\n`);
  return path;
}

/**
 * Reads such a file, which somebody may have edited.
 *
 * @throws {UsageError} when there is no plan in it.
 */
export function readPlan(path: string): Plan {
  let plan: unknown;
  try {
    plan = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new UsageError(`--plan can't be read: ${(error as Error).message}`);
  }
  const wanted = Object.keys(drawPlan(1));
  const given = typeof plan === "object" && plan !== null ? Object.keys(plan) : [];
  const missing = wanted.find((key) => !given.includes(key));
  if (missing) throw new UsageError(`--plan ${path} is no plan: it has no "${missing}"`);
  return plan as Plan;
}
