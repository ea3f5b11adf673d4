import { parseArgs } from "node:util";
import type { JudgeOptions } from "./judge.ts";

/** What `npm run chaos` takes. */
export interface ChaosOptions extends JudgeOptions {
  readonly minutes: number;
  readonly seed: number;
  /** A series of etcd such as "3.4"; the newest if left out. */
  readonly etcd: string | undefined;
  /** Where the report goes. */
  readonly report: string;
  /** Where all that is known of the run goes, as JSON, for who wants to find out more. */
  readonly record: string | undefined;
  /** Whether to do what is wrong, to see that it is noticed. */
  readonly isBroken: boolean;
  /** Whether not to tell of each fault as it happens. */
  readonly isQuiet: boolean;
}

const reportDefault = ".cache/chaos/report.html";
const slackMsDefault = 1_000;

/**
 * Reads the options from the command line. `drawSeed` gives the seed if there is none.
 *
 * @throws when one is unknown, or no number.
 */
export function chaosOptions(args: readonly string[], drawSeed: () => number): ChaosOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: "1" },
      seed: { type: "string" },
      etcd: { type: "string" },
      report: { type: "string", default: reportDefault },
      record: { type: "string" },
      "slack-ms": { type: "string", default: String(slackMsDefault) },
      "must-survive-stale-leader": { type: "boolean", default: false },
      break: { type: "boolean", default: false },
      quiet: { type: "boolean", default: false },
    },
  });
  return {
    minutes: positive("minutes", values.minutes),
    seed: values.seed === undefined ? drawSeed() : positive("seed", values.seed),
    etcd: values.etcd || undefined,
    report: values.report,
    record: values.record,
    slackMs: positive("slack-ms", values["slack-ms"]),
    mustSurviveStaleLeader: values["must-survive-stale-leader"],
    isBroken: values.break,
    isQuiet: values.quiet,
  };
}

function positive(option: string, text: string): number {
  const number = Number(text);
  if (!(number > 0) || !Number.isFinite(number)) {
    throw new Error(`--${option} is a number above 0, not ${JSON.stringify(text)}`);
  }
  return number;
}
