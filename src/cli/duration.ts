import { UsageError } from "./usage-error.ts";

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * A duration in milliseconds. A bare number means seconds, as with flock, timeout and etcdctl;
 * `500ms`, `10s`, `1.5m`, `2h` and `1d` say what they mean.
 *
 * @throws {UsageError}
 */
export function durationMs(option: string, text: string): number {
  const [, number, unit = "s"] = /^(\d+(?:\.\d+)?|\.\d+)(ms|s|m|h|d)?$/.exec(text) ?? [];
  const ms = Number(number) * (unitsMs[unit] ?? Number.NaN);
  if (Number.isFinite(ms)) return ms;
  const expected = "a duration, such as 10 (seconds), 500ms, 5m or 2h";
  throw new UsageError(`${option} must be ${expected}, but is ${JSON.stringify(text)}`);
}

/** A duration for people: the largest two units that say something. */
export function sayMs(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.floor(ms / 1_000);
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  const said = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return said.map(([count, unit]) => `${count}${unit}`).join(" ");
}
