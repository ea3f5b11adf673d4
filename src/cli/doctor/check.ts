import { exitCodes } from "../exit-codes.ts";
import type { Out } from "../io.ts";
import { coloured, type Line, painted, plain, type Tone, wrap } from "../text.ts";

/** What came out of one look. */
export interface Check {
  /** What was looked at. */
  readonly check: string;
  /** `fail`: locks do not work, or not as they promise; `warn`: they do, but see to it. */
  readonly verdict: "ok" | "warn" | "fail";
  readonly text: string;
  /** What to do about it. */
  readonly advice?: string | undefined;
  /** What to end with if there is no use in going on. */
  readonly exitCode?: number | undefined;
}

export function ok(check: string, text: string): Check {
  return { check, verdict: "ok", text };
}

export function warn(check: string, text: string, advice: string): Check {
  return { check, verdict: "warn", text, advice };
}

export function fail(check: string, text: string, advice?: string, exitCode?: number): Check {
  return { check, verdict: "fail", text, advice, exitCode };
}

/** What to end with: nothing is wrong, something is, or nothing can work. */
export function exitCodeOfChecks(checks: readonly Check[]): number {
  const failed = checks.filter(({ verdict }) => verdict === "fail");
  const final = failed.find(({ exitCode }) => exitCode !== undefined)?.exitCode;
  return final ?? (failed.length > 0 ? exitCodes.no : exitCodes.ok);
}

const tones: Readonly<Record<Check["verdict"], Tone>> = { ok: "good", warn: "busy", fail: "bad" };
const labels: Readonly<Record<Check["verdict"], string>> = {
  ok: "ok    ",
  warn: "warn  ",
  fail: "FAIL  ",
};
const indent = " ".repeat(6);

/** A check for people: a line, or more where it does not fit, and what to do. */
export function linesOf({ check, verdict, text, advice }: Check, out: Out): string {
  const paint = out.hasColour ? coloured : plain;
  const width = out.isTerminal ? out.columns : Number.POSITIVE_INFINITY;
  const [first = "", ...rest] = wrap(`${indent}${check}: ${text}`, width);
  const advices = advice === undefined ? [] : wrap(`${indent}-> ${advice}`, width);
  const lines: Line[] = [
    [{ text: labels[verdict], tone: tones[verdict] }, { text: first.trimStart() }],
    ...rest.map((line) => [{ text: line }]),
    ...advices.map((line) => [{ text: line, tone: "strong" as const }]),
  ];
  return lines.map((line) => `${painted(line, paint)}\n`).join("");
}
