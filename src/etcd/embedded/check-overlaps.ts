import type { KeyRange, RequestOp } from "../api.ts";
import { type KeySpan, keyString, spanOf, spans } from "./key-string.ts";
import { refusal } from "./refusals.ts";

interface Writes {
  readonly puts: Set<string>;
  readonly deletes: KeySpan[];
}

/**
 * Refuses operations that could write a key twice, in the way that etcd does: a put is held
 * against the other puts and the deletions of its own list, and those of transactions nested
 * in it; the two branches of one nested transaction are not held against each other.
 *
 * Etcd lets two things pass that one would expect to be refused, and so do we: a nested put
 * followed by a deletion nested elsewhere, and a deletion without an end (`rangeEnd` of one
 * zero byte), which it takes for an empty one here.
 *
 * @throws {StoreError}
 */
export function checkOverlaps(ops: readonly RequestOp[] = []): void {
  let writes = 0;
  for (const { op } of ops) writes += op === "range" ? 0 : op === "txn" ? 2 : 1;
  if (writes > 1) writesOf(ops);
}

function writesOf(ops: readonly RequestOp[] = []): Writes {
  const puts = new Set<string>();
  const deletes: KeySpan[] = [];
  const add = (key: string, alternative?: ReadonlySet<string>): void => {
    const isTwice = puts.has(key) && !alternative?.has(key);
    if (isTwice || deletes.some((span) => spans(span, key))) throw refusal("duplicateKey");
    puts.add(key);
  };

  for (const op of ops) {
    if (op.op === "deleteRange") deletes.push(deletedSpan(op.request));
  }
  for (const op of ops) {
    if (op.op !== "txn") continue;
    const success = writesOf(op.request.success);
    const failure = writesOf(op.request.failure);
    for (const key of success.puts) add(key);
    for (const key of failure.puts) add(key, success.puts);
    deletes.push(...success.deletes, ...failure.deletes);
  }
  for (const op of ops) {
    if (op.op === "put") add(keyString(op.request.key));
  }
  return { puts, deletes };
}

function deletedSpan(range: KeyRange): KeySpan {
  const span = spanOf(range);
  return span.end === undefined ? { start: span.start, end: "\0" } : span;
}
