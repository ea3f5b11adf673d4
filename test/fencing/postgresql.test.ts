import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StaleTokenError } from "../../src/index.ts";
import { describeGuardedWrites, type GuardedAccounts } from "../support/describe-guarded-writes.ts";
import { codeOf, importSection } from "../support/fencing-page.ts";

interface Section {
  setBalance(db: PGlite, id: string, balance: number, token: bigint): Promise<void>;
  takeBalance(db: PGlite, id: string, token: bigint): Promise<number>;
}

// Keeps every balance that was stored.
const history = `
  create table history (at serial, id text, balance integer);
  create function remember() returns trigger language plpgsql as $$
    begin
      insert into history (id, balance) values (new.id, new.balance);
      return null;
    end $$;
  create trigger remember after insert or update on accounts
    for each row execute function remember();`;

let section: Section;
let db: PGlite;

beforeAll(async () => {
  section = await importSection<Section>("PostgreSQL");
  db = await PGlite.create();
  await db.exec(codeOf("PostgreSQL", "sql"));
  await db.exec(history);
}, 60_000);
afterAll(() => db.close());

describeGuardedWrites("PostgreSQL", async (): Promise<GuardedAccounts> => {
  return {
    setBalance: (id, balance, token) => section.setBalance(db, id, balance, token),
    async read(id) {
      const query = "select balance, fence::text from accounts where id = $1";
      const { rows } = await db.query<{ balance: number; fence: string }>(query, [id]);
      return rows[0] && { balance: rows[0].balance, fence: BigInt(rows[0].fence) };
    },
    async history(id) {
      const query = "select balance from history where id = $1 order by at";
      const { rows } = await db.query<{ balance: number }>(query, [id]);
      return rows.map(({ balance }) => balance);
    },
    async [Symbol.asyncDispose]() {},
  };
});

describe("A read from PostgreSQL that raises the fence", () => {
  it("shuts out the older holder before the newer one writes", async () => {
    await section.setBalance(db, "read", 1, 1n);

    const balance = await section.takeBalance(db, "read", 2n);

    expect(balance).toBe(1);
    await expect(section.setBalance(db, "read", 3, 1n)).rejects.toThrow(StaleTokenError);
    await section.setBalance(db, "read", balance + 1, 2n);
    expect(await section.takeBalance(db, "read", 2n)).toBe(2);
  });

  it("finds nothing yet, and is refused itself when it is late", async () => {
    expect(await section.takeBalance(db, "new", 2n)).toBe(0);
    await expect(section.takeBalance(db, "new", 1n)).rejects.toThrow(StaleTokenError);
  });
});
