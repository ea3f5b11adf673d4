import type { Compare, KeyValue } from "../api.ts";

/** Whether a condition holds for the keys of its range, as they were found. */
export function holds(compare: Compare, kvs: readonly KeyValue[]): boolean {
  // A key that does not exist has no value at all, not an empty one.
  if (kvs.length === 0)
    return compare.target !== "value" && fits(compare.result, 0n, compare.operand);
  return kvs.every((kv) => holdsForOne(compare, kv));
}

function holdsForOne(compare: Compare, kv: KeyValue): boolean {
  if (compare.target !== "value") return fits(compare.result, kv[compare.target], compare.operand);
  return fits(compare.result, Buffer.compare(kv.value, compare.operand), 0);
}

function fits<T extends bigint | number>(
  result: Compare["result"],
  actual: T,
  operand: T,
): boolean {
  if (result === "equal") return actual === operand;
  if (result === "notEqual") return actual !== operand;
  return result === "greater" ? actual > operand : actual < operand;
}
