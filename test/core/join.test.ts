import { describe, expect, it } from "vitest";
import { connect } from "../../src/connect.ts";
import { bytesOf, textOf } from "../../src/core/keys.ts";
import { StoreUnavailableError } from "../../src/errors.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import { allKeys, entriesBelow } from "../support/keys.ts";
import { wrappedEtcd } from "../support/wrapped-etcd.ts";

describe("an attempt whose answer got lost", () => {
  it("is taken up by a reader with the token that it got", async () => {
    const etcd = new EmbeddedEtcd();
    let isLost = false;
    const store = wrappedEtcd(etcd, async (_name, send) => {
      const answer = await send();
      if (isLost || !(await allKeys(etcd)).some((key) => key.includes("/read/"))) return answer;
      isLost = true;
      throw new StoreUnavailableError("lost", { status: "UNAVAILABLE" });
    });
    const locks = await connect({ store });

    const hold = await locks.rwLock("x").read.tryAcquire();

    expect(isLost).toBe(true);
    await hold?.verify();
    await hold?.release();
    expect((await allKeys(etcd)).filter((key) => key.includes("/read/"))).toEqual([]);
    await locks.close();
  });

  it.each<"acquire" | "tryAcquire">(["acquire", "tryAcquire"])(
    "of several names is made anew by %s when somebody takes the first entry away meanwhile",
    async (how) => {
      const etcd = new EmbeddedEtcd();
      let isLost = false;
      const store = wrappedEtcd(etcd, async (_name, send) => {
        const answer = await send();
        const entry = (await allKeys(etcd)).find((key) => key.startsWith("microlock/a/"));
        if (isLost || !entry) return answer;
        isLost = true;
        await etcd.txn({ success: [{ op: "deleteRange", request: { key: bytesOf(entry) } }] });
        throw new StoreUnavailableError("lost", { status: "UNAVAILABLE" });
      });
      const locks = await connect({ store });

      const hold = await locks[how](["a", "b", "c"]);

      expect(isLost).toBe(true);
      await hold?.verify();
      const entries = (await entriesBelow(etcd, "microlock/")).filter(({ key }) =>
        hold?.keys.includes(textOf(key)),
      );
      expect(entries.map(({ createRevision }) => createRevision)).toEqual(
        Array(3).fill(hold?.fencingToken),
      );
      await hold?.release();
      expect((await allKeys(etcd)).filter((key) => !key.includes("%session"))).toEqual([]);
      await locks.close();
    },
  );
});
