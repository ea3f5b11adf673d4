import type { Step } from "../support/history/steps.mjs";
import type { Fault } from "./fault.ts";
import type { ClientPlan, Plan } from "./plan.ts";

/** How shrinking a plan went. */
export interface Shrunk {
  readonly plan: Plan;
  /** How often it was tried whether a plan still fails. */
  readonly tries: number;
}

/**
 * Makes a plan that fails as small as it can, one change after the other, as long as it still fails:
 * it leaves out faults, clients, strands and steps, and makes numbers and what else there is plainer.
 * It ends when no change is left that could be made, or after so many tries.
 */
export async function shrink(
  plan: Plan,
  fails: (plan: Plan) => Promise<boolean>,
  triesMax = 400,
): Promise<Shrunk> {
  let smallest = plan;
  let tries = 0;
  /** Where the list of changes goes on: those before did not work a moment ago. */
  let skip = 0;
  for (let vain = 0; tries < triesMax; ) {
    const candidates = [...smaller(smallest)];
    if (vain >= candidates.length) break;
    const candidate = candidates[skip % candidates.length] as Plan;
    tries += 1;
    if (await fails(candidate)) {
      smallest = candidate;
      vain = 0;
      skip %= candidates.length;
    } else {
      vain += 1;
      skip += 1;
    }
  }
  return { plan: smallest, tries };
}

/** All plans that are smaller by one change, those with the largest change first. */
function* smaller(plan: Plan): Generator<Plan> {
  const { clients, faults } = plan;
  for (const fewer of without(clients)) yield { ...plan, clients: fewer };
  if (faults.length > 1) yield { ...plan, faults: [] };
  for (const fewer of without(faults, 0)) yield { ...plan, faults: fewer };
  if (plan.faultRate > 0) yield { ...plan, faultRate: 0 };
  if (plan.slowMs > 0) yield { ...plan, slowMs: 0 };
  for (const [index, client] of clients.entries()) {
    for (const next of smallerClients(client)) {
      yield { ...plan, clients: clients.with(index, next) };
    }
  }
  for (const [index, fault] of faults.entries()) {
    for (const next of smallerFaults(fault)) yield { ...plan, faults: faults.with(index, next) };
  }
  yield* plainer(plan, { electionMs: 0, latencyMs: 2, longestTtl: 1_000_000, lookMs: 20 });
}

function* smallerClients(client: ClientPlan): Generator<ClientPlan> {
  const { strands } = client;
  for (const fewer of without(strands)) yield { ...client, strands: fewer };
  for (const [index, steps] of strands.entries()) {
    for (const fewer of without(steps)) yield { ...client, strands: strands.with(index, fewer) };
    for (const [at, step] of steps.entries()) {
      for (const next of smallerSteps(step)) {
        yield { ...client, strands: strands.with(index, steps.with(at, next)) };
      }
    }
  }
  yield* plainer(client, { rate: 1 });
}

function* smallerSteps(step: Step): Generator<Step> {
  if (step.restMs > 0) yield { ...step, restMs: 0 };
  if (step.primitive === "barrier") {
    if (step.stayMs > 0) yield { ...step, stayMs: 0 };
    return;
  }
  if (step.waitMs !== undefined) yield { ...step, waitMs: undefined };
  if (step.primitive === "latch") {
    if (step.counts && step.waits) {
      yield { ...step, waits: false };
      yield { ...step, counts: false };
    }
    return;
  }
  for (const names of without(step.names)) yield { ...step, names };
  if (step.how === "run" && step.primitive !== "once") yield { ...step, how: "acquire" };
  yield* plainer(step, { giveUpMs: undefined, writes: 0, downgrades: false });
  yield* plainer(step, { writesAsItLeaves: false });
  for (const holdMs of shorter(step.holdMs)) yield { ...step, holdMs };
}

function* smallerFaults(fault: Fault): Generator<Fault> {
  for (const forMs of shorter(fault.forMs)) yield { ...fault, forMs };
  for (const atMs of shorter(fault.atMs)) yield { ...fault, atMs };
  if (fault.index > 9) yield { ...fault, index: fault.index % 6 };
  if (fault.what === "cut") {
    yield { ...fault, what: "cut requests" };
    yield { ...fault, what: "cut replies" };
  }
}

/** All that a list can be without one of its items, as long as enough are left. */
function* without<T>(items: readonly T[], least = 1): Generator<readonly T[]> {
  if (items.length <= least) return;
  for (const index of items.keys()) yield items.toSpliced(index, 1);
}

/** Numbers that are smaller, and round, so that one comes to an end. */
function* shorter(ms: number): Generator<number> {
  const half = Math.floor(ms / 20) * 10;
  if (half < ms) yield half;
  const round = Math.floor(ms / 10) * 10;
  if (round < ms && round !== half) yield round;
  const hundreds = Math.floor((ms - 1) / 100) * 100;
  if (hundreds > half && hundreds < round) yield hundreds;
}

/** The same with one member as plain as it can be. */
function* plainer<T extends object>(it: T, plainest: Partial<T>): Generator<T> {
  for (const key of Object.keys(plainest) as (keyof T)[]) {
    if (it[key] !== plainest[key]) yield { ...it, [key]: plainest[key] };
  }
}
