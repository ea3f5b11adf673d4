// Bundles the simulator, since Node.js 20 runs no TypeScript, and runs it.

import { rolldown } from "rolldown";

const bundle = await rolldown({
  input: "test/simulation/simulate.ts",
  platform: "node",
  logLevel: "warn",
});
await bundle.write({
  dir: ".cache/simulation",
  format: "esm",
  entryFileNames: "[name].mjs",
  chunkFileNames: "[name].mjs",
});
await bundle.close();
await import(new URL("../.cache/simulation/simulate.mjs", import.meta.url).href);
