import { type Request, workedUntil } from "./request.ts";

/** Says what is wrong, and what became of each request that has to do with it. */
export function story(wrong: string, requests: readonly Request[]): string {
  return [`${wrong}:`, ...requests.map((request) => `  ${told(request)}`)].join("\n");
}

function told(request: Request): string {
  const { who, name, mode, permits, waitMs, askedAt, token, gotAt, until, end, why } = request;
  const what = mode === "permits" ? `${permits} permits of ${name}` : `${name} (${mode})`;
  const patience = Number.isFinite(waitMs) ? `, for ${waitMs} ms at most` : "";
  const parts = [`${who} asked for ${what} at ${ms(askedAt)}${patience}`];
  if (gotAt !== undefined) parts.push(`got it at ${ms(gotAt)} with token ${token}`);
  const because = why ? ` (${why})` : "";
  if (end === "lost") {
    parts.push(`held it at ${ms(until)} for the last time, and lost it${because}`);
    if (workedUntil(request) > until) parts.push(`worked on until ${ms(workedUntil(request))}`);
  } else if (end) parts.push(`${end} at ${ms(until)}${because}`);
  else parts.push(gotAt === undefined ? "waits to this day" : "has it to this day");
  return parts.join(", ");
}

/** A moment as people read it. */
export function ms(at: number): string {
  return `${Number(at.toFixed(2))} ms`;
}
