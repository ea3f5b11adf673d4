// Lets eight processes work on three nodes of etcd while everything goes wrong that a seed says, and
// tells whether every promise was kept: `npm run chaos -- --minutes 10 --seed 1 --etcd 3.4`.
//
// What it does is in test/chaos/, compiled before by the script of package.json.

import { findEveryEtcd } from "./etcd-binaries.mjs";
import { messageOf } from "./message-of.mjs";

const compiled = new URL("../.cache/chaos/test/chaos/", import.meta.url);
const { chaos } = await import(new URL("main.js", compiled).href);
const { chaosOptions } = await import(new URL("chaos-options.js", compiled).href);

// The guards of all servers and processes end those when this process is gone.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));

let options;
try {
  options = chaosOptions(process.argv.slice(2), () => 1 + Math.floor(Math.random() * 1e6));
} catch (error) {
  console.error(`chaos: ${messageOf(error)}`);
  process.exit(2);
}

try {
  const binaries = (await findEveryEtcd(options.etcd)).at(-1);
  process.exit(await chaos(binaries, options));
} catch (error) {
  console.error(process.argv.includes("--quiet") ? messageOf(error) : error);
  process.exit(1);
}
