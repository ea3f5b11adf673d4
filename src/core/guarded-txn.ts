import { InvalidOptionError } from "../errors.ts";
import type { Compare, RequestOp, TxnRequest } from "../etcd/api.ts";
import { bytesOf } from "./keys.ts";
import { checkBytes, checkFlag, checkKnown } from "./options.ts";

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

type Check = (option: string, value: unknown) => void;

const numbers = (...members: string[]): [string, Check][] =>
  members.map((member) => [member, checkNumber]);
const flags = (...members: string[]): [string, Check][] =>
  members.map((member) => [member, checkFlag]);

// What each request has, besides a key.
const rangeMembers: ReadonlyMap<string, Check> = new Map([
  ["rangeEnd", checkBytes],
  ["sort", checkSort],
  ...numbers("limit", "revision", "minModRevision", "maxModRevision"),
  ...numbers("minCreateRevision", "maxCreateRevision"),
  ...flags("keysOnly", "countOnly"),
]);
const putMembers: ReadonlyMap<string, Check> = new Map([
  ["value", checkBytes],
  ...numbers("lease"),
  ...flags("prevKv", "ignoreValue", "ignoreLease"),
]);
const deleteRangeMembers: ReadonlyMap<string, Check> = new Map([
  ["rangeEnd", checkBytes],
  ...flags("prevKv"),
]);
const membersOf: Readonly<Record<string, ReadonlyMap<string, Check>>> = {
  range: rangeMembers,
  put: putMembers,
  deleteRange: deleteRangeMembers,
};
const sortTargets = ["key", "version", "createRevision", "modRevision", "value"];
const sortOrders = ["ascending", "descending"];
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
  checkKnown(compare, ["key", "rangeEnd", "target", "result", "operand"], "compare");
  const { operand, target, result, key, rangeEnd } = compare as Readonly<Record<string, unknown>>;
  checkOneOf("target", targets, target);
  checkOneOf("result", results, result);
  if (target === "value") checkBytes("operand", operand);
  else checkNumber("operand", operand);
  if (rangeEnd !== undefined) checkBytes("rangeEnd", rangeEnd);
  return {
    key: keyOf(key),
    ...(rangeEnd === undefined ? {} : { rangeEnd: inBytes(rangeEnd) }),
    target,
    result,
    operand: inBytes(operand),
  } as Compare;
}

function operationOf(operation: unknown): RequestOp {
  checkKnown(operation, ["op", "request"], "operation");
  const { op, request } = operation as Readonly<Record<string, unknown>>;
  checkOneOf("op", ops, op);
  const inner = op === "txn" ? guardedTxn(request) : requestOf(String(op), request);
  return { op, request: inner } as RequestOp;
}

function requestOf(op: string, request: unknown): Record<string, unknown> {
  const checks = membersOf[op] ?? new Map<string, Check>();
  checkKnown(request, ["key", ...checks.keys()], "request");
  const { key, ...members } = request as Readonly<Record<string, unknown>>;
  if (op === "put") checkBytes("value", members["value"]);
  for (const [member, value] of Object.entries(members)) {
    if (value !== undefined) checks.get(member)?.(member, value);
  }
  const entries = Object.entries(members).map(([member, value]) => [member, inBytes(value)]);
  return { key: keyOf(key), ...Object.fromEntries(entries) };
}

function keyOf(key: unknown): unknown {
  if (!(typeof key === "string" || key instanceof Uint8Array) || key.length === 0) {
    throw new InvalidOptionError("key", "a string or bytes, not empty", key);
  }
  checkBytes("key", key);
  return inBytes(key);
}

/** Strings stand for bytes wherever a request has them: all words are elsewhere. */
function inBytes(value: unknown): unknown {
  return typeof value === "string" ? bytesOf(value) : value;
}

function checkOneOf(option: string, words: readonly string[], word: unknown): void {
  if (typeof word === "string" && words.includes(word)) return;
  throw new InvalidOptionError(option, `one of ${words.join(", ")}`, word);
}

/** Etcd's numbers are signed and have 64 bits. */
function checkNumber(option: string, value: unknown): void {
  if (typeof value === "bigint" && BigInt.asIntN(64, value) === value) return;
  throw new InvalidOptionError(option, "a bigint of at most 64 bits", value);
}

function checkSort(option: string, sort: unknown): void {
  checkKnown(sort, ["by", "order"], option);
  const { by, order } = sort as Readonly<Record<string, unknown>>;
  checkOneOf(`${option}.by`, sortTargets, by);
  checkOneOf(`${option}.order`, sortOrders, order);
}
