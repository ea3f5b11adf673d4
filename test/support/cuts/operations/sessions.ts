import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { StoreUnavailableError } from "../../../../src/errors.ts";
import { entriesBelow, textsOf } from "../../keys.ts";
import { isHeldOnce, type Operation, type Stage } from "../stage.ts";

// What has no answer is left to its lease. Nobody is to wait for that for long.
const connectTtlMs = 2_000;
// A third of it goes by until a renewal.
const renewedTtlMs = 6_000;

/** Keeps a lock while its lease is renewed. */
function renewal(title: string, strict: boolean): Operation {
  return {
    title,
    isTimed: true,
    prepare: async (stage) => {
      const client = await stage.connect({ ttlMs: renewedTtlMs, strict });
      const hold = await client.acquire("kept");
      return async () => {
        // It falls until an answer to a renewal raises it.
        for (let before = hold.remainingMs; hold.held; before = hold.remainingMs) {
          await sleep(5);
          if (hold.remainingMs > before) break;
        }
        return async () => {
          await isHeldOnce({ ...stage, locks: client }, hold);
          await hold.release();
          await client.close();
        };
      };
    },
  };
}

/** Nothing is left of a client: no entry, and no session. */
async function isGone({ etcd, locks, name }: Stage): Promise<void> {
  assert.deepEqual(textsOf(await entriesBelow(etcd, `${locks.namespace}${name}/`)), []);
}

/** What goes on between a client and etcd beside its locks. */
export const sessions: readonly Operation[] = [
  {
    title: "connect",
    prepare: async (stage) => async () => {
      // Who connects is told at once that there was no answer.
      const client = await stage.connect({ ttlMs: connectTtlMs }).catch((error: unknown) => {
        if (!(error instanceof StoreUnavailableError)) throw error;
        return stage.connect({ ttlMs: connectTtlMs });
      });
      return async () => {
        const hold = await client.acquire("first");
        await isHeldOnce({ ...stage, locks: client }, hold);
        await client.close();
      };
    },
  },
  {
    title: "close",
    isTimed: true,
    prepare: async (stage) => {
      // Whoever relies on the lease to end it has to wait for longer than anybody here does.
      const client = await stage.connect();
      const hold = await client.acquire("held");
      return async () => {
        await client.close();
        return async () => {
          assert.equal(hold.held, false);
          await isGone(stage);
        };
      };
    },
  },
  renewal("renewal", false),
  renewal("strict renewal", true),
];
