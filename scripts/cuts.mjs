// Cuts the connection to a real etcd behind every byte of every operation's exchange, and looks what
// became of it: `npm run cuts -- --etcd 3.4`. With `--only release` those of which the title has that,
// with `--every 50` every so many bytes.

import { parseArgs } from "node:util";
import { rolldown } from "rolldown";
import { findEveryEtcd } from "./etcd-binaries.mjs";
import { messageOf } from "./message-of.mjs";

// The guards of the server end it when this process is gone.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));

const options = optionsOf(process.argv.slice(2));
const bundle = await rolldown({
  input: "test/support/cuts/cut-every-byte.ts",
  platform: "node",
  logLevel: "silent",
});
await bundle.write({
  dir: ".cache/cuts",
  format: "esm",
  entryFileNames: "[name].mjs",
  chunkFileNames: "[name].mjs",
});
await bundle.close();
const built = new URL("../.cache/cuts/cut-every-byte.mjs", import.meta.url);
const { cutEveryByte, operationsLike } = await import(built.href);
const operations = operationsLike(options.only);
if (operations.length === 0)
  refuse(`No operation has ${JSON.stringify(options.only)} in its title`);

try {
  const etcd = (await findEveryEtcd(options.etcd)).at(-1);
  process.exit((await cutEveryByte({ etcd, operations, every: options.every })) ? 0 : 1);
} catch (error) {
  console.error(messageOf(error));
  process.exit(1);
}

/** @param {string[]} args */
function optionsOf(args) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        etcd: { type: "string" },
        only: { type: "string", default: "" },
        every: { type: "string", default: "1" },
      },
    });
    if (values.etcd !== undefined && !/^3\.\d+(\.\d+)?$/.test(values.etcd)) {
      throw new Error(`--etcd is a series such as 3.4, not ${JSON.stringify(values.etcd)}`);
    }
    if (!/^[1-9]\d*$/.test(values.every)) {
      throw new Error(`--every is a whole number above 0, not ${JSON.stringify(values.every)}`);
    }
    return { ...values, every: Number(values.every) };
  } catch (error) {
    return refuse(messageOf(error));
  }
}

/**
 * @param {string} why
 * @returns {never}
 */
function refuse(why) {
  console.error(why.split("\n")[0]);
  process.exit(2);
}
