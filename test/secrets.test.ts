import { inspect } from "node:util";
import { expect, it } from "vitest";
import { connect } from "../src/connect.ts";
import { startEtcd } from "../src/testkit/start-etcd.ts";

const password = "correct-horse-battery-staple";
const auth = { username: "alice", password };
const shown = (value: unknown): string =>
  inspect(value, { depth: 12, showHidden: true, maxStringLength: null }) +
  JSON.stringify(value, (_, part) => (typeof part === "bigint" ? String(part) : part));

it("a client shows nobody its password, nor does a hold or an error of its", async () => {
  const etcd = await startEtcd();
  const locks = await connect(etcd.address, { auth, callTimeoutMs: 300, connectTimeoutMs: 100 });
  const hold = await locks.acquire("jobs");
  expect(shown(locks) + shown(hold) + process.title + process.argv.join()).not.toContain(password);
  await etcd.stop();
  const error = await hold.verify().catch((error: unknown) => error);
  expect(shown(error)).toMatch(/STORE_UNAVAILABLE/);
  expect(shown(error) + String((error as Error).stack)).not.toContain(password);
  await locks.close();
});

it.each([
  ["an option of the wrong kind", { auth: { username: 7, password } }],
  ["an unknown option", { auth: { ...auth, token: "x" } }],
  ["a text instead of them", { auth: `alice:${password}` }],
  ["a key that is none", { tls: { key: password } }],
])("%s is refused without a word of secrets", async (_what, options) => {
  const error = await connect("127.0.0.1:1", options as never).catch((error: unknown) => error);
  expect(error).toMatchObject({ code: "INVALID_OPTION" });
  expect(shown(error) + String((error as Error).stack)).not.toContain(password);
});
