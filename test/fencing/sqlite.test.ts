import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sqlite, { type Database } from "node-sqlite3-wasm";
import { describeGuardedWrites, type GuardedAccounts } from "../support/describe-guarded-writes.ts";
import { codeOf, importSection } from "../support/fencing-page.ts";

interface Section {
  setBalance(db: unknown, id: string, balance: number, token: bigint): void;
}

// Keeps every balance that was stored.
const history = `
  create table history (at integer primary key, id text, balance integer);
  create trigger inserted after insert on accounts
    begin insert into history (id, balance) values (new.id, new.balance); end;
  create trigger updated after update on accounts
    begin insert into history (id, balance) values (new.id, new.balance); end;`;

describeGuardedWrites("SQLite", async (): Promise<GuardedAccounts> => {
  const { setBalance } = await importSection<Section>("SQLite");
  const folder = mkdtempSync(join(tmpdir(), "microlock-sqlite-"));
  const file = join(folder, "accounts.db");
  const [one, two] = [new sqlite.Database(file), new sqlite.Database(file)] as const;
  one.exec(codeOf("SQLite", "sql"));
  one.exec(history);
  const writers = [likeNodeSqlite(one), likeNodeSqlite(two)];
  let turns = 0;
  return {
    async setBalance(id, balance, token) {
      turns += 1;
      setBalance(writers[turns % writers.length], id, balance, token);
    },
    async read(id) {
      const row = two.get("select balance, fence from accounts where id = ?", [id]);
      return row
        ? { balance: Number(row["balance"]), fence: BigInt(String(row["fence"])) }
        : undefined;
    },
    async history(id) {
      const rows = two.all("select balance from history where id = ? order by at", [id]);
      return rows.map(({ balance }) => Number(balance));
    },
    async [Symbol.asyncDispose]() {
      one.close();
      two.close();
      rmSync(folder, { recursive: true });
    },
  };
});

/** Takes values as `node:sqlite` and better-sqlite3 do, which Node.js 20 has not, or cannot build. */
function likeNodeSqlite(db: Database) {
  return {
    prepare: (sql: string) => ({
      run: (...values: (string | number | bigint)[]) => db.run(sql, values),
    }),
  };
}
