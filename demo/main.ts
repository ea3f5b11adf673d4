import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Tone, wrap } from "../src/cli/text.ts";
import { Director, type Strike } from "./director.ts";
import { EventLog } from "./event-log.ts";
import { Interruption, interruptions } from "./interruption.ts";
import { launcher } from "./launch-replica.ts";
import { LedgerFile } from "./ledger-file.ts";
import { type Screen, screenOn } from "./screen.ts";
import { settle } from "./settlement.ts";
import { askedTtlMs, countKeys, type DemoStore, openStore } from "./store.ts";
import { faultsOf, type Outcome, summaryRows } from "./summary.ts";
import { tableOf } from "./table.ts";

const replicas = [1, 2, 3, 4, 5].map((n) => `replica-${n}`);
const strikes: readonly Strike[] = ["kill", "pause", "kill", "pause", "kill", "pause"];

const screen = screenOn(process.stdout, process.env);
const signal = interruptions();

try {
  const { values } = parseArgs({
    options: {
      // Shows what the token is good for: without it, updates get lost.
      "without-fencing": { type: "boolean", default: false },
    },
  });
  const outcome = await run(screen, !values["without-fencing"], signal);
  process.exitCode = conclude(outcome, screen);
} catch (error) {
  if (error instanceof Interruption) {
    say(screen, `${error.message}.`);
    process.exitCode = error.exitCode;
  } else {
    say(screen, error instanceof Error ? error.message : String(error), "bad");
    process.exitCode = 1;
  }
}

async function run(screen: Screen, fenced: boolean, signal: AbortSignal): Promise<Outcome> {
  await using store = await openStore();
  signal.throwIfAborted();
  const folder = mkdtempSync(join(tmpdir(), "microlock-demo-"));
  try {
    const ledger = new LedgerFile(join(folder, "ledger.json"), { fenced });
    const namespace = `microlock-demo-${process.pid}/`;
    const launch = launcher(ledger, { target: store.target, namespace, ttlMs: askedTtlMs });
    const log = new EventLog();

    introduce(screen, store, namespace, ledger, fenced);
    const unfollow = screen.follow(log);
    try {
      const director = new Director(launch, log);
      await director.run({ replicas, strikes, ttlMs: store.ttlMs, signal });
    } finally {
      unfollow();
      await emptied(store, namespace);
    }
    return {
      progress: log.progress,
      settlement: settle(log.progress.claimed, ledger.updates),
      ttlMs: store.ttlMs,
      keysLeft: await countKeys(store.locks.etcd, namespace),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function introduce(
  screen: Screen,
  store: DemoStore,
  namespace: string,
  ledger: LedgerFile,
  fenced: boolean,
): void {
  const at = store.target ? ` --endpoints ${store.target}` : "";
  const facts = {
    etcd: store.description,
    "look on": `npx microlock ls --live --namespace ${namespace}${at}`,
    replicas: "processes: kills are SIGKILL, pauses SIGSTOP",
    file: `${ledger.path}, ${fenced ? "which refuses tokens of the past" : "which takes any token"}`,
  };
  say(screen, `${replicas.length} replicas take turns on one lock, to update one file.`, "strong");
  for (const [name, fact] of Object.entries(facts)) say(screen, `  ${name.padEnd(8)}  ${fact}`);
  screen.print([]);
}

/** Waits until the keys of whoever was killed last are gone with their leases. */
async function emptied({ locks, ttlMs }: DemoStore, namespace: string): Promise<void> {
  const giveUpAt = performance.now() + ttlMs + 1_000;
  while (performance.now() < giveUpAt) {
    if ((await countKeys(locks.etcd, namespace)) === 0) return;
    await sleep(50);
  }
}

function conclude(outcome: Outcome, screen: Screen): number {
  screen.print([]);
  for (const line of tableOf(summaryRows(outcome), screen.columns)) screen.print(line);
  const faults = faultsOf(outcome);
  for (const fault of faults) say(screen, fault, "bad");
  if (faults.length > 0) return 1;
  const { kills, pauses } = outcome.progress;
  say(screen, `No update was lost, with ${kills} replicas killed and ${pauses} paused.`, "good");
  return 0;
}

function say(screen: Screen, text: string, tone?: Tone): void {
  for (const line of wrap(text, screen.columns)) screen.print([{ text: line, tone }]);
}
