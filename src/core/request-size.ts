import { InvalidOptionError } from "../errors.ts";
import type { RequestOp } from "../etcd/api.ts";

// What etcd takes by default, less what we say around it.
const bytesMax = 1.5 * 1_024 * 1_024 - 8_192;

/**
 * Refuses what etcd would not take, before it is sent: it would carry none of it out.
 *
 * @throws {InvalidOptionError} when the operations are too large.
 */
export function checkSize(ops: readonly RequestOp[]): void {
  const bytes = sizeOf(ops);
  if (bytes <= bytesMax) return;
  const expected = `keys and values of at most ${bytesMax} bytes in all, since etcd takes no more`;
  throw new InvalidOptionError("request", expected, bytes);
}

function sizeOf(ops: readonly RequestOp[]): number {
  let bytes = 0;
  for (const { op, request } of ops) {
    if (op === "txn") {
      bytes += sizeOf(request.success ?? []) + sizeOf(request.failure ?? []);
      for (const { key, operand } of request.compare ?? []) {
        bytes += key.length + (operand instanceof Uint8Array ? operand.length : 0);
      }
    } else {
      bytes += request.key.length + (op === "put" ? (request.value?.length ?? 0) : 0);
    }
  }
  return bytes;
}
