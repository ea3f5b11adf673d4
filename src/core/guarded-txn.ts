import { InvalidOptionError } from "../errors.ts";
import type { Compare, RequestOp, TxnRequest } from "../etcd/api.ts";
import { bytesOf } from "./keys.ts";
import { checkBytes, checkKnown, isRecord } from "./options.ts";

/** The same, where strings stand for their bytes in UTF-8. */
export type Textual<T> = T extends Uint8Array
  ? Uint8Array | string
  : T extends bigint | boolean | string | undefined
    ? T
    : { readonly [Key in keyof T]: Textual<T[Key]> };

/** A transaction in etcd's own words; keys and values may be strings. */
export interface GuardedTxn {
  /** What must hold for `success`. Absent or empty, it holds. */
  readonly compare?: readonly Textual<Compare>[] | undefined;
  /** What to do if all of `compare` hold. */
  readonly success?: readonly Textual<RequestOp>[] | undefined;
  /** What to do otherwise. */
  readonly failure?: readonly Textual<RequestOp>[] | undefined;
}

// Where the port takes bytes.
const byteMembers = ["key", "rangeEnd", "value"];
const targets = ["version", "createRevision", "modRevision", "lease", "value"];
const results = ["equal", "notEqual", "greater", "less"];
const ops = ["range", "put", "deleteRange", "txn"];

/** The transaction in bytes, as the port takes it. */
export function guardedTxn(request: unknown, option = "request"): TxnRequest {
  checkKnown(request, ["compare", "success", "failure"], option);
  const { compare, success, failure } = request as GuardedTxn;
  return {
    compare: listOf(compare, `${option}.compare`).map(compareOf),
    success: listOf(success, `${option}.success`).map(operationOf),
    failure: listOf(failure, `${option}.failure`).map(operationOf),
  };
}

/** Whether it comes to the same, and is answered in the same way, when it is carried out twice. */
export function isRepeatable({ compare = [], success = [], failure = [] }: TxnRequest): boolean {
  if ([...success, ...failure].every(({ op }) => op === "range")) return true;
  return compare.length === 0 && success.every((each) => each.op === "put" && !each.request.prevKv);
}

function listOf(list: unknown, option: string): readonly unknown[] {
  if (list === undefined) return [];
  if (!Array.isArray(list)) throw new InvalidOptionError(option, "an array", list);
  return list;
}

function compareOf(compare: unknown): Compare {
  const { operand, ...rest } = membersOf(compare, "compare");
  checkOneOf("target", targets, rest["target"]);
  checkOneOf("result", results, rest["result"]);
  if (rest["target"] === "value") checkBytes("operand", operand);
  else if (typeof operand !== "bigint")
    throw new InvalidOptionError("operand", "a bigint", operand);
  return {
    ...inBytes(rest),
    operand: typeof operand === "string" ? bytesOf(operand) : operand,
  } as Compare;
}

function checkOneOf(option: string, words: readonly string[], word: unknown): void {
  if (typeof word === "string" && words.includes(word)) return;
  throw new InvalidOptionError(option, `one of ${words.join(", ")}`, word);
}

function operationOf(operation: unknown): RequestOp {
  const { op, request } = membersOf(operation, "operation");
  checkOneOf("op", ops, op);
  const inner = op === "txn" ? guardedTxn(request) : inBytes(membersOf(request, "request"));
  if (op === "put") checkBytes("value", (inner as { value?: unknown }).value);
  return { op, request: inner } as RequestOp;
}

function membersOf(value: unknown, option: string): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw new InvalidOptionError(option, "an object", value);
  return value;
}

function inBytes(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { key } = members;
  if (!(typeof key === "string" || key instanceof Uint8Array) || key.length === 0) {
    throw new InvalidOptionError("key", "a string or bytes, not empty", key);
  }
  return Object.fromEntries(
    Object.entries(members).map(([member, value]) => {
      if (value !== undefined && byteMembers.includes(member)) checkBytes(member, value);
      return [
        member,
        typeof value === "string" && byteMembers.includes(member) ? bytesOf(value) : value,
      ];
    }),
  );
}
