import type { RequestOp } from "../api.ts";
import { isSingleKey, type KeySpan, keyString, spans } from "./key-string.ts";
import { refusal } from "./refusals.ts";

interface Writes {
  readonly puts: Set<string>;
  readonly deletes: KeySpan[];
}

const none: Writes = { puts: new Set(), deletes: [] };

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
export function checkOverlaps(ops: readonly RequestOp[] = []): Writes {
  if (ops.length < 2 && ops[0]?.op !== "txn") return writesOf(ops[0]);
  const puts = new Set<string>();
  const deletes = ops
    .filter(({ op }) => op === "deleteRange")
    .flatMap((op) => writesOf(op).deletes);
  const add = (key: string, alternative?: ReadonlySet<string>): void => {
    const isTwice = puts.has(key) && !alternative?.has(key);
    if (isTwice || deletes.some((span) => spans(span, key))) throw refusal("duplicateKey");
    puts.add(key);
  };

  for (const op of ops) {
    if (op.op !== "txn") continue;
    const success = checkOverlaps(op.request.success);
    const failure = checkOverlaps(op.request.failure);
    for (const key of success.puts) add(key);
    for (const key of failure.puts) add(key, success.puts);
    deletes.push(...success.deletes, ...failure.deletes);
  }
  for (const op of ops) {
    if (op.op === "put") add(keyString(op.request.key));
  }
  return { puts, deletes };
}

function writesOf(op: RequestOp | undefined): Writes {
  if (op?.op === "put") return { puts: new Set([keyString(op.request.key)]), deletes: [] };
  if (op?.op !== "deleteRange") return none;
  const { key, rangeEnd } = op.request;
  const start = keyString(key);
  const end = isSingleKey(op.request) || !rangeEnd ? `${start}\0` : keyString(rangeEnd);
  return { puts: new Set(), deletes: [{ start, end }] };
}
