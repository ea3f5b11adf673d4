import { StoreDeniedError, StoreError } from "../../errors.ts";
import type { Args } from "../args.ts";
import { settingsOf } from "../connection.ts";
import { askMembers, signIn, wayOf } from "../doctor/ask-members.ts";
import { type Check, exitCodeOfChecks, fail, linesOf } from "../doctor/check.ts";
import { checkLocks } from "../doctor/lock-checks.ts";
import { judge, judgeClocks, judgeUser } from "../doctor/members.ts";
import { checkStore } from "../doctor/store-checks.ts";
import { exitCodeOf, messageOf } from "../exit-codes.ts";
import { type Io, jsonOf } from "../io.ts";

const ttlMsDefault = 15_000;

/** Finds out whether locks work here, and says what to do if they do not. */
export async function run(args: Args, io: Io): Promise<number> {
  const isJson = args.flag("json");
  const checks: Check[] = [];
  for await (const check of examine(args, io)) {
    checks.push(check);
    if (!isJson) io.stdout.write(linesOf(check, io.stdout));
  }
  const exitCode = exitCodeOfChecks(checks);
  if (isJson) io.stdout.write(`${jsonOf({ ok: exitCode === 0, exitCode, checks })}\n`);
  return exitCode;
}

async function* examine(args: Args, io: Io): AsyncGenerator<Check> {
  const way = wayOf(args, io.env);
  const answers = await askMembers(way, io.signal);
  if (answers.every(({ failure }) => failure !== undefined)) {
    // Says it of all of them in one line; and if one is there now, all the better.
    await (await io.connect(args)).close();
  }
  yield* judge(answers);
  yield* judgeClocks(answers);
  let check = "authentication";
  try {
    const username = way.auth?.username;
    const hasUsers = await signIn(way, io.signal);
    yield judgeUser(username, hasUsers);
    check = "rights";
    yield* useLocks(args, io, hasUsers ? username : undefined);
  } catch (error) {
    io.signal.throwIfAborted();
    if (!(error instanceof StoreError)) throw error;
    yield failureOf(check, error, settingsOf(args, io.env).namespace);
  }
}

async function* useLocks(args: Args, io: Io, username: string | undefined): AsyncGenerator<Check> {
  const ttlMs = args.ms("ttl") ?? ttlMsDefault;
  const { signal } = io;
  const locks = await io.connect(args, { ttlMs });
  try {
    const { etcd, namespace } = locks;
    yield* checkStore({ etcd, namespace, ttlMs, username, signal });
    yield* checkLocks(locks, () => io.connect(args, { ttlMs }), signal);
  } finally {
    await locks.close();
  }
}

function failureOf(check: string, error: StoreError, namespace: string): Check {
  const isDenied = error instanceof StoreDeniedError && /permission denied/.test(error.message);
  const advice = isDenied
    ? `as root: etcdctl role grant-permission ROLE --prefix readwrite ${namespace}`
    : undefined;
  return fail(check, messageOf(error), advice, exitCodeOf(error));
}
