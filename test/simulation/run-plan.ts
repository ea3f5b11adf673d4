import type { Plan } from "./plan.ts";
import { type Outcome, World } from "./world.ts";

/** Runs a plan. Whatever is thrown meanwhile, wherever, is a violation too, and ends nothing else. */
export async function runPlan(plan: Plan): Promise<Outcome> {
  const uncaught: string[] = [];
  const onUncaught = (error: unknown): void => {
    uncaught.push(`An error that nobody caught: ${told(error)}`);
  };
  process.on("unhandledRejection", onUncaught);
  process.on("uncaughtException", onUncaught);
  try {
    const { violations, hash } = await new World(plan).live();
    // Node.js tells of rejections between the turns of its loop.
    await nextTurn();
    return { violations: [...uncaught, ...violations], hash };
  } catch (error) {
    return { violations: [...uncaught, `The run broke down: ${told(error)}`], hash: "" };
  } finally {
    process.off("unhandledRejection", onUncaught);
    process.off("uncaughtException", onUncaught);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function told(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)) : String(error);
}
