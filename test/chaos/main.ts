import type { EtcdBinaries } from "../../scripts/etcd-version.mjs";
import type { ChaosOptions } from "./chaos-options.ts";
import { figuresOf } from "./figures.ts";
import { judge } from "./judge.ts";
import { run } from "./run.ts";
import { summaryOf } from "./summary.ts";

/** Runs, judges, writes the report and tells it in short. Resolves with the exit code. */
export async function chaos(binaries: EtcdBinaries, options: ChaosOptions): Promise<number> {
  const { seed, minutes, isBroken, isQuiet } = options;
  const durationMs = minutes * 60_000;
  const record = await run({
    ...{ binaries, seed, durationMs, isBroken },
    onDeed: ({ story }) => {
      if (!isQuiet) console.log(story);
    },
  });
  const judgement = judge(record, options);
  const figures = figuresOf(record, judgement);
  const { verdicts } = judgement;
  console.log(summaryOf(record, judgement, figures));
  return verdicts.some(({ violation }) => violation !== undefined) ? 1 : 0;
}
