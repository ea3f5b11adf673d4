import { connect as connectTcp, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../../src/connect.ts";
import { MicrolockError } from "../../src/errors.ts";
import type { Locks } from "../../src/locks.ts";
import { startEtcd } from "../../src/testkit/start-etcd.ts";
import { listenLocally } from "../support/listen-locally.ts";
import { type Random, seededRandom } from "../support/seeded-random.ts";

const { SEEDS = "20", SEED = "1" } = process.env;
const seeds = Array.from({ length: Number(SEEDS) }, (_, index) => Number(SEED) + index);

type Etcd = Awaited<ReturnType<typeof startEtcd>>;
type Way = Awaited<ReturnType<typeof corruptedWay>>;

/** A way to a server on which what it says may be changed, byte by byte, cut short, or made up. */
async function corruptedWay(target: string, random: Random) {
  const [host, port] = target.split(":");
  const way = { rate: 0, endpoint: "", stop: () => {} };
  const server = createServer((inner) => {
    const outer = connectTcp({ host: host as string, port: Number(port) });
    inner.on("data", (chunk) => outer.write(chunk));
    outer.on("data", (chunk) => {
      if (random() >= way.rate) return inner.write(chunk);
      const changed = Buffer.from(chunk);
      const kind = random();
      if (kind < 0.6) {
        for (let count = 0; count < 3; count++) {
          changed[Math.floor(random() * changed.length)] = Math.floor(random() * 256);
        }
        return inner.write(changed);
      }
      if (kind < 0.8)
        return inner.write(changed.subarray(0, Math.floor(random() * changed.length)));
      return inner.write(
        Buffer.from(Array.from({ length: 200 }, () => Math.floor(random() * 256))),
      );
    });
    for (const [one, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
    sockets.add(inner);
  });
  const sockets = new Set<{ destroy(): unknown }>();
  way.endpoint = await listenLocally(server);
  way.stop = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return way;
}

describe("a server whose answers are garbage", () => {
  let etcd: Etcd;

  beforeAll(async () => {
    etcd = await startEtcd();
  });

  afterAll(() => etcd.stop());

  it(`makes calls fail clearly, hangs and crashes nobody, and is forgotten once it makes sense again (${seeds.length} seeds)`, {
    timeout: 120_000,
  }, async () => {
    const failures: unknown[] = [];
    const onRejection = (error: unknown): unknown => failures.push(error);
    process.on("unhandledRejection", onRejection);
    const codes = new Set<string>();
    const suffer = async (seed: number, way: Way, locks: Locks): Promise<void> => {
      way.rate = 0.3;
      const name = `garbage ${seed}`;
      const attempts = [
        locks.run(name, (hold) => hold.put(`data/${seed}`, "x")),
        locks.acquire([name, "another"], { waitMs: 300 }).then((hold) => hold.release()),
        locks.tryAcquire(name).then((hold) => hold?.release()),
        locks.inspect(name, { timeoutMs: 300 }),
        locks.election(name).leader(),
      ];
      for (const outcome of await Promise.allSettled(attempts)) {
        if (outcome.status === "fulfilled") continue;
        expect(outcome.reason, `seed ${seed}`).toBeInstanceOf(MicrolockError);
        codes.add(outcome.reason.code);
      }
      way.rate = 0;
      await afterwards(locks, seed);
      await locks.close();
      way.stop();
    };
    const suffering: Promise<void>[] = [];
    for (const seed of seeds) {
      const way = await corruptedWay(etcd.address, seededRandom(seed));
      const locks = await connect(way.endpoint, { ttlMs: 3_000, callTimeoutMs: 500 });
      suffering.push(suffer(seed, way, locks));
    }
    await Promise.all(suffering);
    process.removeListener("unhandledRejection", onRejection);

    expect(failures).toEqual([]);
    // Else nothing was tried.
    expect(codes).toContain("STORE_UNAVAILABLE");
  });
});

/** A connection that hears garbage may be given up only after its time. */
async function afterwards(locks: Locks, seed: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await locks.run(`after ${seed}`, { waitMs: 5_000 }, async () => {});
    } catch (error) {
      const { code } = error as MicrolockError;
      // Garbage may have told that etcd went back in time.
      if (code === "STORE_ROLLED_BACK") return;
      if (!code?.startsWith("STORE_") || attempt === 10) throw error;
    }
  }
}
