import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EtcdServer, startEtcd } from "../support/etcd-server.ts";

const packageFolder = fileURLToPath(new URL("../..", import.meta.url));

/** Runs a script in a process of its own, which uses the built package. */
function run(script: string, target: string): Promise<{ code: number; stdout: string }> {
  const source = `import { connect } from "microlock";\nconst target = ${JSON.stringify(target)};\n${script}`;
  const args = ["--input-type=module", "-e", source];
  return new Promise((resolve) => {
    const options = { cwd: packageFolder, timeout: 20_000 };
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout: stdout + stderr });
    });
  });
}

describe("a process that uses microlock", () => {
  let server: EtcdServer;
  let targets: string[];

  beforeAll(async () => {
    server = await startEtcd();
    targets = ["memory:", server.endpoint];
  });

  afterAll(() => server.stop());

  it("ends by itself when it has nothing else to do, even while it holds a lock", async () => {
    for (const target of targets) {
      const script = `
        const locks = await connect(target, { ttlMs: 2_000 });
        const hold = await locks.acquire("exit/idle");
        await new Promise((resolve) => setTimeout(resolve, 100));
        console.log("held", hold.held);`;
      expect(await run(script, target)).toEqual({ code: 0, stdout: "held true\n" });
    }
  });

  it("stays alive while somebody waits for a lock", async () => {
    for (const target of targets) {
      const script = `
        const one = await connect(target, { ttlMs: 2_000 });
        const two = await connect(target);
        const hold = await one.acquire("exit/wait");
        const waiting = two.acquire("exit/wait");
        setTimeout(() => hold.release(), 1_500).unref();
        const next = await waiting;
        console.log("held", next.held);
        await Promise.all([one.close(), two.close()]);`;
      expect(await run(script, target)).toEqual({ code: 0, stdout: "held true\n" });
    }
  });

  it("stays alive until a call of the 1.x class has its answer", async () => {
    for (const target of targets) {
      const script = `
        const { default: Microlock } = await import("microlock");
        const foo = new Microlock(await connect(target), "exit/legacy", "one");
        await foo.lock();
        await foo.renew();
        await foo.unlock();
        console.log("unlocked");
        foo.destroy();`;
      expect(await run(script, target)).toEqual({ code: 0, stdout: "unlocked\n" });
    }
  });

  it("has no socket and no timer left after close", async () => {
    for (const target of targets) {
      const script = `
        const locks = await connect(target, { ttlMs: 2_000 });
        const hold = await locks.acquire("exit/close");
        await new Promise((resolve) => setTimeout(resolve, 100));
        await locks.tryAcquire("exit/close");
        await locks.acquire("exit/close", { waitMs: 50 }).catch(() => {});
        await hold.release();
        await locks.close();
        await new Promise((resolve) => setImmediate(resolve));
        // The pipe is the process's own output.
        console.log(process.getActiveResourcesInfo().filter((kind) => kind !== "PipeWrap"));`;
      expect(await run(script, target)).toEqual({ code: 0, stdout: "[]\n" });
    }
  });

  it("warns of nothing with a thousand waiters on one signal", async () => {
    const script = `
      const locks = await connect(target);
      const controller = new AbortController();
      const hold = await locks.acquire("exit/many");
      const waiting = Array.from({ length: 1_000 }, () =>
        locks.acquire("exit/many", { signal: controller.signal }).catch((error) => error.message));
      await new Promise((resolve) => setTimeout(resolve, 500));
      controller.abort(new Error("enough"));
      console.log(new Set(await Promise.all(waiting)));
      await hold.release();
      await locks.close();`;
    for (const target of targets) {
      expect(await run(script, target)).toEqual({ code: 0, stdout: "Set(1) { 'enough' }\n" });
    }
  });
});
