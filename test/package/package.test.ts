import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, inject, it } from "vitest";

const run = promisify(execFile);
const consumer = inject("consumer");

describe.each(inject("nodes"))("the packed package on Node.js $version", ({ path }) => {
  // Every program ends by itself, or it is ended here and fails.
  const runProgram = (name: string) => run(path, [name], { cwd: consumer, timeout: 20_000 });

  it("can be required, by a script of the times of 1.x", async () => {
    expect((await runProgram("require.cjs")).stdout).toBe("done\n");
  });

  it("can be imported, and loads no gRPC until it is needed", async () => {
    expect((await runProgram("import.mjs")).stdout).toBe("done\n");
  });

  it("locks without etcd, and leaves nothing that keeps the process alive", async () => {
    const { stdout, stderr } = await runProgram("smoke.mjs");
    expect(stdout).toBe("done\n");
    expect(stderr).toBe("");
  });
});

it("compiles for strict TypeScript users, in ES modules and in CommonJS", async () => {
  const ours = fileURLToPath(new URL("../../node_modules/", import.meta.url));
  const compiled = run(
    process.execPath,
    [`${ours}typescript/bin/tsc`, "--project", consumer, "--typeRoots", `${ours}@types`],
    { cwd: consumer },
  ).catch(({ stdout }: { stdout: string }) => ({ stdout }));
  expect((await compiled).stdout).toBe("");
});
