import { UsageError } from "./usage-error.ts";

const unitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d)/g;

/**
 * A duration in milliseconds. A bare number means seconds, as with flock and timeout; `500ms`,
 * `10s`, `1.5m`, `2h` and `1d` say what they mean, and so does `1m30s`, as Go writes it.
 *
 * @throws {UsageError}
 */
export function durationMs(option: string, text: string): number {
  if (/^(\d+(\.\d*)?|\.\d+)$/.test(text)) return Number(text) * 1_000;
  if (text !== "" && text.replace(part, "") === "") {
    const parts = [...text.matchAll(part)];
    const ms = parts.reduce(
      (sum, [, number, unit = ""]) => sum + Number(number) * (unitsMs[unit] ?? 0),
      0,
    );
    if (Number.isFinite(ms)) return ms;
  }
  const expected = "a duration, such as 10 (seconds), 500ms, 5m, 1m30s or 2h";
  throw new UsageError(`${option} must be ${expected}, but is ${JSON.stringify(text)}`);
}

/** A duration for people: the largest two units that say something. */
export function sayMs(ms: number): string {
  if (ms < 1_000) return `${Math.floor(ms)} ms`;
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
