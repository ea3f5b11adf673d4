import { parseArgs } from "node:util";

/** What `npm run simulate` was asked for. */
export interface SimulateOptions {
  /** The one seed to run and show, if that is all. */
  readonly seed: number | undefined;
  /** The file with the one plan to run and show, if that is all. */
  readonly plan: string | undefined;
  readonly first: number;
  readonly seeds: number;
  /** After how many failures it ends. */
  readonly failures: number;
  readonly workers: number;
  readonly shrinks: boolean;
}

/** What was asked for makes no sense. Its message is for whoever asked. */
export class UsageError extends Error {}

/** Reads the command line. `cores` is how many workers there are, if nobody says. */
export function parseOptions(args: readonly string[], cores: number): SimulateOptions {
  const { values, tokens } = parsed(args);
  const twice = tokens
    .flatMap((token) => (token.kind === "option" ? [token.name] : []))
    .find((name, index, names) => names.indexOf(name) < index);
  if (twice) throw new UsageError(`--${twice} was given twice`);
  const { seed, plan } = values;
  if (seed !== undefined && plan !== undefined) {
    throw new UsageError("--seed and --plan can't be had at once: a plan has its seed");
  }
  if (plan === "") throw new UsageError("--plan needs the path of a file");
  return {
    seed: seed === undefined ? undefined : positive("seed", seed),
    plan,
    first: positive("first", values.first),
    seeds: positive("seeds", values.seeds),
    failures: positive("failures", values.failures),
    workers: values.workers === undefined ? cores : positive("workers", values.workers),
    shrinks: !values["no-shrink"],
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      tokens: true,
      options: {
        seed: { type: "string" },
        plan: { type: "string" },
        first: { type: "string", default: "1" },
        seeds: { type: "string", default: "1000" },
        failures: { type: "string", default: "5" },
        workers: { type: "string" },
        "no-shrink": { type: "boolean", default: false },
      },
    });
  } catch (error) {
    // The rest is about arguments that we have none of.
    throw new UsageError((error as Error).message.split(/[.\n]/)[0]);
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && Number.isSafeInteger(value)) return value;
  throw new UsageError(`--${name} must be a positive integer, not "${text}"`);
}
