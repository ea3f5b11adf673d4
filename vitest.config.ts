import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { ViteUserConfig } from "vitest/config";

// `unit` needs nothing but Node; `integration` starts etcd servers of its own; `package` packs
// and installs the package, and runs it on every Node.js that we support.
const config: ViteUserConfig = {
  test: {
    // Many tests wait for a lease to end, or for another process: two at once are no load.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/integration/**", "test/package/**"],
          // The code of the pages in docs/ imports it by its name.
          alias: { microlock: fileURLToPath(new URL("src/index.ts", import.meta.url)) },
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          globalSetup: "test/support/etcd-setup.ts",
          setupFiles: "test/support/without-deasync.ts",
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "package",
          include: ["test/package/**/*.test.ts"],
          globalSetup: "test/package/setup.ts",
          testTimeout: 30_000,
        },
      },
    ],
  },
};

export default config;
