import { randomBytes } from "node:crypto";
import type { Args } from "../args.ts";
import { sayMeasurement } from "../bench/say.ts";
import { type Measurement, measure, type Scenario, scenariosOf } from "../bench/scenarios.ts";
import { settingsOf } from "../connection.ts";
import { exitCodes } from "../exit-codes.ts";
import { type Io, jsonOf, type Out } from "../io.ts";
import { UsageError } from "../usage-error.ts";

const concurrenciesDefault = "1,16,256";
const concurrencyMax = 10_000;
const secondsDefault = 2;
const secondMs = 1_000;

/** Measures how fast locks are here, in a namespace of its own. */
export async function run(args: Args, io: Io): Promise<number> {
  const concurrencies = concurrenciesOf(args.text("concurrency") ?? concurrenciesDefault);
  const seconds = (args.ms("seconds") ?? secondsDefault * secondMs) / secondMs;
  if (seconds <= 0) throw new UsageError("--seconds must be more than 0");
  // Whatever it leaves behind hangs on its leases, and goes with them.
  const namespace = `${settingsOf(args, io.env).namespace}bench-${randomBytes(8).toString("hex")}/`;
  const locks = await io.connect(args, { namespace });
  try {
    const other = await io.connect(args, { namespace });
    try {
      const scenarios = scenariosOf(locks, other, concurrencies, io.signal);
      const results = await measureAll(scenarios, seconds, args.flag("json"), io);
      if (args.flag("json")) io.stdout.write(`${jsonOf({ results })}\n`);
    } finally {
      await other.close();
    }
  } finally {
    await locks.close();
  }
  return exitCodes.ok;
}

async function measureAll(
  scenarios: readonly Scenario[],
  seconds: number,
  isJson: boolean,
  io: Io,
): Promise<readonly Measurement[]> {
  const results: Measurement[] = [];
  for (const scenario of scenarios) {
    const stop = showProgress(scenario.name, seconds, io.stderr);
    const measurement = await measure(scenario, seconds).finally(stop);
    io.signal.throwIfAborted();
    results.push(measurement);
    if (!isJson) io.stdout.write(sayMeasurement(measurement, io.stdout));
  }
  return results;
}

const progressMs = 250;

/** Says that something goes on. Returns what ends and wipes that. */
function showProgress(name: string, seconds: number, out: Out): () => void {
  if (!out.isTerminal) {
    out.write(`microlock bench: ${name}, ${seconds} s\n`);
    return () => {};
  }
  const startedAt = performance.now();
  const say = (): void => {
    const passed = Math.min(seconds, (performance.now() - startedAt) / secondMs);
    out.write(`\r\u001b[K${name}: ${passed.toFixed(1)} of ${seconds} s`);
  };
  say();
  const timer = setInterval(say, progressMs);
  return () => {
    clearInterval(timer);
    out.write("\r\u001b[K");
  };
}

function concurrenciesOf(text: string): readonly number[] {
  const all = text.split(",").map((part) => (/^\d{1,9}$/.test(part) ? Number(part) : 0));
  if (all.every((count) => count >= 1 && count <= concurrencyMax)) return all;
  const expected = `whole numbers from 1 to ${concurrencyMax} with commas between them`;
  throw new UsageError(`--concurrency must be ${expected}, but is ${JSON.stringify(text)}`);
}
