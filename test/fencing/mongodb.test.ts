import { setTimeout as sleep } from "node:timers/promises";
import { updateOne } from "mingo";
import { describeGuardedWrites, type GuardedAccounts } from "../support/describe-guarded-writes.ts";
import { importSection } from "../support/fencing-page.ts";
import { seededRandom } from "../support/seeded-random.ts";

interface Section {
  setBalance(accounts: Accounts, id: string, balance: number, token: bigint): Promise<void>;
}
type Account = { _id: string; balance: number; fence: string };
type Document = Record<string, unknown>;

/** Carries out updates as MongoDB does: each by itself, in the order in which they arrive. */
class Accounts {
  readonly documents: Account[] = [];
  readonly written: Account[] = [];
  readonly #random = seededRandom(1);

  async updateOne(
    filter: Document,
    { $setOnInsert, ...update }: { $setOnInsert?: Document; $set?: Document },
    options: { upsert?: boolean } = {},
  ): Promise<{ matchedCount: number }> {
    await sleep(this.#random() * 3);
    const { matchedCount } = updateOne(this.documents, storable(filter), storable(update));
    if (matchedCount === 0 && options.upsert) {
      this.documents.push(storable({ ...filter, ...$setOnInsert }) as Account);
    } else if (matchedCount === 1 && update.$set) {
      const account = this.documents.find(({ _id }) => _id === filter["_id"]);
      if (account) this.written.push({ ...account });
    }
    await sleep(this.#random() * 3);
    return { matchedCount };
  }
}

/** A document of mingo's: it compares no bigints, so they are digits of equal length. */
function storable(document: Document): Document {
  const digits = (_: string, value: unknown) =>
    typeof value === "bigint" ? String(value).padStart(19, "0") : value;
  return JSON.parse(JSON.stringify(document, digits));
}

describeGuardedWrites("MongoDB", async (): Promise<GuardedAccounts> => {
  const { setBalance } = await importSection<Section>("MongoDB");
  const accounts = new Accounts();
  return {
    setBalance: (id, balance, token) => setBalance(accounts, id, balance, token),
    async read(id) {
      const [account, ...others] = accounts.documents.filter(({ _id }) => _id === id);
      if (others.length > 0) throw new Error(`${id} was inserted twice`);
      return account && { balance: account.balance, fence: BigInt(account.fence) };
    },
    async history(id) {
      return accounts.written.filter(({ _id }) => _id === id).map(({ balance }) => balance);
    },
    async [Symbol.asyncDispose]() {},
  };
});
