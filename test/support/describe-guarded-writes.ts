import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, type Hold, type Locks, StaleTokenError } from "../../src/index.ts";
import { type Random, seededRandom } from "./seeded-random.ts";

/** Accounts that compare fencing tokens, and how to look at them past the code of the page. */
export interface GuardedAccounts extends AsyncDisposable {
  /** The code of the page. */
  setBalance(id: string, balance: number, token: bigint): Promise<void>;
  /** What is stored, read in whatever way. */
  read(id: string): Promise<{ readonly balance: number; readonly fence: bigint } | undefined>;
  /** Every balance that was stored for this account, in order. */
  history(id: string): Promise<readonly number[]>;
}

// More than a double can tell apart.
const beyondDoubles = 2n ** 53n;

/** What every section of docs/fencing.md promises, whatever the accounts are kept in. */
export function describeGuardedWrites(what: string, open: () => Promise<GuardedAccounts>): void {
  describe(`A guarded write to ${what}`, () => {
    let accounts: GuardedAccounts;
    let locks: Locks;
    let id = "";
    let count = 0;

    beforeAll(async () => {
      accounts = await open();
      locks = await connect(`memory:guarded writes to ${what}`);
    }, 60_000);
    afterAll(async () => {
      await locks.close();
      await accounts[Symbol.asyncDispose]();
    });
    const freshAccount = (): void => {
      count += 1;
      id = `account-${count}`;
    };

    /** Two holders in a row, of whom the first has lost the lock without letting go. */
    async function acquireTwice(): Promise<{ older: Hold; newer: Hold }> {
      freshAccount();
      const older = await locks.acquire(id);
      await older.delete(older.key);
      const newer = await locks.acquire(id);
      return { older, newer };
    }

    it("goes through the first time, and again for the same holder", async () => {
      const { newer } = await acquireTwice();

      await accounts.setBalance(id, 1, newer.fencingToken);
      await accounts.setBalance(id, 2, newer.fencingToken);

      const stored = { balance: 2, fence: newer.fencingToken };
      expect(await accounts.read(id)).toEqual(stored);
      expect((await accounts.history(id)).slice(-2)).toEqual([1, 2]);
    });

    it("is refused when a newer holder has written, and changes nothing", async () => {
      const { older, newer } = await acquireTwice();
      await accounts.setBalance(id, 1, older.fencingToken);
      await accounts.setBalance(id, 2, newer.fencingToken);
      const before = await accounts.history(id);

      const late = accounts.setBalance(id, 3, older.fencingToken);

      await expect(late).rejects.toThrow(StaleTokenError);
      const stored = { balance: 2, fence: newer.fencingToken };
      expect(await accounts.read(id)).toEqual(stored);
      expect(await accounts.history(id)).toEqual(before);
    });

    it("is refused when its holder never wrote in time, and the newer one goes on", async () => {
      const { older, newer } = await acquireTwice();
      await accounts.setBalance(id, 1, newer.fencingToken);

      const late = accounts.setBalance(id, 2, older.fencingToken);
      await expect(late).rejects.toThrow(StaleTokenError);
      await accounts.setBalance(id, 3, newer.fencingToken);

      const stored = { balance: 3, fence: newer.fencingToken };
      expect(await accounts.read(id)).toEqual(stored);
    });

    it("is refused when its token is smaller by one, however large they are", async () => {
      freshAccount();
      await accounts.setBalance(id, 1, beyondDoubles + 1n);

      const late = accounts.setBalance(id, 2, beyondDoubles);

      await expect(late).rejects.toThrow(StaleTokenError);
      expect(await accounts.read(id)).toEqual({ balance: 1, fence: beyondDoubles + 1n });
    });

    it("does not mind what another account has seen", async () => {
      freshAccount();
      await accounts.setBalance(id, 1, 100n);
      freshAccount();

      await accounts.setBalance(id, 2, 99n);

      expect(await accounts.read(id)).toEqual({ balance: 2, fence: 99n });
    });

    it.each([1, 2, 3])("never makes the token fall, in whatever order: seed %i", async (seed) => {
      const random = seededRandom(seed);
      freshAccount();
      const tokens: bigint[] = [];
      while (tokens.length < 8) await locks.run(id, (hold) => tokens.push(hold.fencingToken));

      await Promise.all(
        shuffled([...tokens, ...tokens, ...tokens], random).map(async (token) => {
          await sleep(Math.floor(random() * 5));
          // The balance tells whose it is.
          await accounts.setBalance(id, Number(token), token).catch((error) => {
            if (!(error instanceof StaleTokenError)) throw error;
          });
        }),
      );

      const stored = await accounts.history(id);
      expect(stored).toEqual([...stored].sort((one, other) => one - other));
      const last = tokens.at(-1);
      expect(await accounts.read(id)).toEqual({ balance: Number(last), fence: last });
    });
  });
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, rank: random() }))
    .sort((one, other) => one.rank - other.rank)
    .map(({ item }) => item);
}
