import assert from "node:assert/strict";
import { StoreUnavailableError } from "../../../../src/errors.ts";
import { putKey, readKey } from "../../keys.ts";
import { acquireIt, holding, isHeldOnce, type Operation, type Stage } from "../stage.ts";

const data = ({ name }: Stage): string => `data/${name}`;

/** Put once or more often, it comes to the same. */
async function isPut({ etcd }: Stage, key: string): Promise<void> {
  const found = await readKey(etcd, key);
  assert.equal(Buffer.from(found?.value ?? []).toString(), "1");
  assert.equal(found?.lease, 0n);
}

async function versionOf({ etcd }: Stage, key: string): Promise<bigint> {
  return (await readKey(etcd, key))?.version ?? 0n;
}

/** What goes through only while the lock is ours. */
export const writes: readonly Operation[] = [
  holding("put", acquireIt, async (stage, hold) => {
    await hold.put(data(stage), "1");
    return async () => {
      await isPut(stage, data(stage));
      await hold.delete(data(stage));
      await hold.release();
    };
  }),
  {
    title: "delete",
    prepare: async (stage) => {
      const hold = await stage.locks.acquire(stage.name);
      await putKey(stage.etcd, data(stage));
      return async () => {
        await hold.delete(data(stage));
        return async () => {
          assert.equal(await versionOf(stage, data(stage)), 0n);
          // One that is late must not hit what is put behind it.
          await hold.put(data(stage), "2");
          assert.notEqual(await versionOf(stage, data(stage)), 0n);
          await hold.delete(data(stage));
          await hold.release();
        };
      };
    },
  },
  holding("txn that may be repeated", acquireIt, async (stage, hold) => {
    const keys = [data(stage), `${data(stage)}/b`];
    const { succeeded, responses } = await hold.txn({
      success: keys.map((key) => ({ op: "put", request: { key, value: "1" } })),
    });
    return async () => {
      assert.deepEqual({ succeeded, answers: responses.length }, { succeeded: true, answers: 2 });
      for (const key of keys) {
        await isPut(stage, key);
        await hold.delete(key);
      }
      await hold.release();
    };
  }),
  holding("txn that must not be repeated", acquireIt, async (stage, hold) => {
    const key = data(stage);
    const outcome = await hold
      .txn({
        compare: [{ key, target: "version", result: "less", operand: 9n }],
        success: [{ op: "put", request: { key, value: "1", prevKv: true } }],
      })
      .catch((error: unknown) => error);
    return async () => {
      // What is asked next makes void what may still be under way.
      await hold.put(`${key}/next`, "");
      const version = await versionOf(stage, key);
      const isKnown = !(outcome instanceof Error);
      if (isKnown) assert.equal(version, 1n);
      else assert.ok(outcome instanceof StoreUnavailableError && version <= 1n, String(outcome));
      await hold.delete(key);
      await hold.delete(`${key}/next`);
      await hold.release();
    };
  }),
  holding("verify", acquireIt, async (stage, hold) => {
    await hold.verify();
    return async () => {
      await isHeldOnce(stage, hold);
      await hold.release();
    };
  }),
];
