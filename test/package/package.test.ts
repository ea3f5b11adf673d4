import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, inject, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Cli, endAll, startProgram } from "../support/start-cli.ts";

const run = promisify(execFile);
const consumer = inject("consumer");
const installed = join(consumer, "node_modules/microlock");

afterAll(endAll);

describe.concurrent.each(inject("nodes"))("the packed package on Node.js $version", ({ path }) => {
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

  it.each(["testkit.mjs", "testkit.cjs"])("has an etcd for tests: %s", async (program) => {
    expect((await runProgram(program)).stdout).toBe("done\n");
  });
});

describe.concurrent.each(inject("nodes"))("its command on Node.js $version", ({ path }) => {
  // As users have it: what stands in the first line of the file finds this Node.js.
  const env = { PATH: `${dirname(path)}${delimiter}${process.env["PATH"]}` };
  const bin = join(consumer, "node_modules/.bin/microlock");
  const microlock = (...args: string[]): Cli => startProgram(bin, args, env);

  it("can be started by npx", async () => {
    const { version } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    const options = { cwd: consumer, env: { ...process.env, ...env } };

    const { stdout } = await run("npx", ["--no-install", "microlock", "--version"], options);

    expect(stdout).toBe(`${version}\n`);
  });

  it("serves an etcd, runs commands in turn, passes on signals, and lists who holds", async () => {
    const server = microlock("serve", "--listen", "127.0.0.1:0");
    await eventually(() => server.stdout.endsWith("\n"), { withinMs: 15_000 });
    const at = `--endpoints=${server.stdout.trim()}`;
    const onTerm = "trap 'echo told; exit 7' TERM; echo start; while :; do sleep 100; done";
    const holder = microlock("run", "turns", at, "--reason", "first", "-c", onTerm);
    await holder.prints("start");

    const list = microlock("ls", at, "--json");
    const refused = microlock("run", "-n", "turns", at, "--", "true");
    const next = microlock("run", "turns", at, "--", "cat");
    next.stdin.end("in and out");
    expect(await Promise.all([list.ended(), refused.ended()])).toEqual([0, 75]);
    expect(JSON.parse(list.stdout)).toMatchObject({
      name: "turns",
      holders: [{ reason: "first" }],
    });
    expect(next.hasEnded).toBe(false);
    holder.signal("SIGTERM");

    expect(await Promise.all([holder.ended(), next.ended()])).toEqual([7, 0]);
    expect([holder.stdout, next.stdout]).toEqual(["start\ntold\n", "in and out"]);
    server.signal("SIGTERM");
    expect(await server.ended()).toBe(0);
  });
});

it("has what is needed, and nothing else", () => {
  const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
  const kinds =
    /^(docs\/.*|CHANGELOG|README|SECURITY)\.md$|^dist\/.*\.(js|js\.map|d\.ts)$|^dist\/cli\/[\w-]+\.cjs$/;
  const others = files.filter((file) => /\./.test(file) && !kinds.test(file));

  expect(others.sort()).toEqual(["dist/man/microlock.1", "package.json"]);
  // Of the command line there is the bundle alone.
  expect(files.filter((file) => /^dist\/cli\/.*(?<!\.cjs)$/.test(file))).toEqual([]);
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
