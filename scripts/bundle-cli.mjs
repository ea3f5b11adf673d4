// Makes dist/cli/ of src/cli/: a few files, each loaded when it is needed. Node.js takes twice as
// long to load a hundred small modules as an operator would not notice.

import { chmodSync } from "node:fs";
import { rolldown } from "rolldown";

const bundle = await rolldown({
  input: { main: "src/cli/main.ts" },
  platform: "node",
  // What is wrong here is told by tsc and biome.
  logLevel: "warn",
});
// CommonJS: Node.js 20 starts it 10 ms sooner than an ES module.
await bundle.write({
  dir: "dist/cli",
  format: "cjs",
  entryFileNames: "[name].cjs",
  chunkFileNames: "[name].cjs",
  // What is needed together lies together.
  codeSplitting: {
    groups: [
      {
        name: "core",
        test: /src\/(core|errors)\/|src\/[a-z-]+\.ts|src\/cli\/([a-z-]+|run\/held-by-outer-error)\.ts/,
        priority: 1,
      },
      { name: "grpc", test: /src\/etcd\/(grpc|wire)\// },
      { name: "supervise", test: /src\/cli\/run\/(supervise|child|guardian)/ },
      { name: "run", test: /src\/cli\/(run\/|commands\/(run|lock|elect)|told-to-end)/ },
    ],
  },
  // Names stay, for stack traces; comments only take time to be read over.
  minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
});
await bundle.close();
// For `npx microlock` in this folder; where the package is installed, npm sees to it.
chmodSync("dist/cli/main.cjs", 0o755);
