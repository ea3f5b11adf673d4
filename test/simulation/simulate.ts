import { drawPlan } from "./plan.ts";
import { World } from "./world.ts";

/** The number behind an option of the command line. */
function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
}

const seed = option("seed", 0);
const first = seed || option("first", 1);
const count = seed ? 1 : option("seeds", 1_000);
const failuresMax = option("failures", 5);

let failed = 0;
let ran = 0;
const startedAt = performance.now();
for (; ran < count && failed < failuresMax; ran++) {
  const plan = drawPlan(first + ran);
  const { violations, hash } = await new World(plan).live();
  if (ran % 1_000 === 999) process.stderr.write(`${ran + 1} of ${count} seeds\n`);
  if (seed) console.log(`seed ${seed}: ${hash}\n${JSON.stringify(plan, undefined, 1)}`);
  if (violations.length === 0) continue;
  failed += 1;
  console.log(`Seed ${first + ran} fails:\n${violations.join("\n")}`);
  console.log(`To see it again: npm run simulate -- --seed ${first + ran}`);
}
const each = ((performance.now() - startedAt) / ran).toFixed(1);
console.log(`${ran} seeds from ${first}: ${failed} failed; ${each} ms each`);
process.exitCode = failed > 0 ? 1 : 0;
