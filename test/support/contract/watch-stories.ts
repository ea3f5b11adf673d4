import assert from "node:assert/strict";
import type { WatchEvent } from "../../../src/etcd/api.ts";
import { type ContractBench, text } from "./bench.ts";

/** "put a=1 @3" for each event. */
export function stories(bench: ContractBench, events: readonly WatchEvent[]): string[] {
  return events.map(({ type, kv }) => {
    const state = type === "put" ? `=${text(kv.value)}` : "";
    return `${type} ${bench.name(kv.key)}${state} @${bench.since(kv.modRevision)}`;
  });
}

/** Sees to it that no revision came in two calls, and that they came in order. */
export function checkGroups(calls: readonly (readonly WatchEvent[])[]): void {
  let last = 0n;
  for (const events of calls) {
    assert.ok(events.length > 0, "a call without events");
    const revisions = events.map(({ kv }) => kv.modRevision);
    assert.ok((revisions[0] ?? 0n) > last, "a revision in two calls, or out of order");
    const isOrdered = revisions.every((revision, i) => revision >= (revisions[i - 1] ?? 0n));
    assert.ok(isOrdered, "out of order within a call");
    last = revisions.at(-1) ?? 0n;
  }
}
