import { describe, expect, it } from "vitest";
import { textOf } from "../../src/core/keys.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import { connect, type Hold, LockLostError } from "../../src/index.ts";
import { importSection } from "../support/fencing-page.ts";
import { entriesBelow } from "../support/keys.ts";

/** The values that the code of the page has put. */
async function valuesIn(store: EmbeddedEtcd): Promise<readonly string[]> {
  return (await entriesBelow(store, "accounts/")).map(({ value }) => textOf(value));
}

interface Section {
  setBalance(hold: Hold, id: string, balance: number): Promise<void>;
}

describe("A guarded write to etcd", () => {
  it("is refused when the lock is another's by now, and changes nothing", async () => {
    const { setBalance } = await importSection<Section>("etcd");
    const store = new EmbeddedEtcd();
    await using locks = await connect({ store });
    const older = await locks.acquire("accounts/7");
    await setBalance(older, "7", 1);
    await older.delete(older.key);
    const newer = await locks.acquire("accounts/7");

    await expect(setBalance(older, "7", 2)).rejects.toThrow(LockLostError);

    expect(await valuesIn(store)).toEqual(["1"]);
    await setBalance(newer, "7", 3);
    expect(await valuesIn(store)).toEqual(["3"]);
  });
});
