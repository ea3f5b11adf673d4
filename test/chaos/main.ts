import { mkdir, writeFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import type { EtcdBinaries } from "../../scripts/etcd-version.mjs";
import type { ChaosOptions } from "./chaos-options.ts";
import { figuresOf } from "./figures.ts";
import { judge } from "./judge.ts";
import { reportOf } from "./report/report.ts";
import { run } from "./run.ts";
import { summaryOf } from "./summary.ts";

/** Runs, judges, writes the report and tells it in short. Resolves with the exit code. */
export async function chaos(binaries: EtcdBinaries, options: ChaosOptions): Promise<number> {
  const { seed, minutes, isBroken, isQuiet } = options;
  const report = resolve(options.report);
  // Before all else: nobody wants to learn after an hour that there is no such folder.
  await mkdir(dirname(report), { recursive: true });
  const record = await run({
    ...{ binaries, seed, durationMs: minutes * 60_000, isBroken },
    onDeed: ({ story }) => {
      if (!isQuiet) console.log(story);
    },
  });
  const judgement = judge(record, options);
  const figures = figuresOf(record, judgement);
  if (options.record !== undefined) await writeFile(options.record, JSON.stringify(record, plain));
  await writeFile(report, reportOf(record, judgement, figures));
  console.log(summaryOf(record, judgement, figures));
  console.log(`The whole course of it: ${relative(process.cwd(), report)}`);
  return judgement.verdicts.some(({ violation }) => violation !== undefined) ? 1 : 0;
}

/** What JSON has no word for. */
function plain(_: string, value: unknown): unknown {
  if (value instanceof Map) return [...value];
  return typeof value === "bigint" ? String(value) : value;
}
