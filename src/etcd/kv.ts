// Keys, and the transactions on them, as the port passes them around.

/** Where and when an answer was given. */
export interface ResponseHeader {
  /** Which cluster answered. */
  readonly clusterId: bigint;
  /** Which of its members answered. */
  readonly memberId: bigint;
  /** The store's revision when the request was carried out. */
  readonly revision: bigint;
  /** The term of the leader, as the member that answered knows it. */
  readonly raftTerm: bigint;
}

/** A key as it stands in the store. */
export interface KeyValue {
  /** The whole key, as bytes. */
  readonly key: Uint8Array;
  /** Empty when only keys were asked for. */
  readonly value: Uint8Array;
  /**
   * The store revision at which the key came to be. Revisions only grow, so it orders the
   * contenders of a lock, and serves the winner as its fencing token.
   */
  readonly createRevision: bigint;
  /** The store revision of the last change. */
  readonly modRevision: bigint;
  /** 1 when created, one more with every put. */
  readonly version: bigint;
  /** The lease that the key is bound to; 0 for none. */
  readonly lease: bigint;
}

/**
 * One key, or with `rangeEnd` all keys from `key` up to but without it. A `rangeEnd` of a
 * single zero byte means: to the end.
 */
export interface KeyRange {
  /** The one key, or the first of the range. Not empty. */
  readonly key: Uint8Array;
  /** The first key behind the range. Absent for one key. */
  readonly rangeEnd?: Uint8Array | undefined;
}

/** What the keys of an answer can be sorted by. */
export type SortTarget = "key" | "version" | "createRevision" | "modRevision" | "value";

/** The order in which keys are returned. */
export interface Sort {
  /** What to compare. */
  readonly by: SortTarget;
  /** Smallest first, or largest first. */
  readonly order: "ascending" | "descending";
}

/** Reads the keys of a range. */
export interface RangeRequest extends KeyRange {
  /** How many keys to return at the most; 0 or absent for all. */
  readonly limit?: bigint | undefined;
  /** Reads the store as it was at that revision; 0 or absent for now. */
  readonly revision?: bigint | undefined;
  /** The order of the answer, applied before `limit`. @default by key, ascending */
  readonly sort?: Sort | undefined;
  /** Leaves the values out. @default false */
  readonly keysOnly?: boolean | undefined;
  /** Leaves the keys out: only `count` says something. @default false */
  readonly countOnly?: boolean | undefined;
  /** Leaves out what was changed before, after it was read and counted; 0 or absent for nothing. */
  readonly minModRevision?: bigint | undefined;
  /** Leaves out what was changed later; 0 or absent for nothing. */
  readonly maxModRevision?: bigint | undefined;
  /** Leaves out what was created before; 0 or absent for nothing. */
  readonly minCreateRevision?: bigint | undefined;
  /** Leaves out what was created later; 0 or absent for nothing. */
  readonly maxCreateRevision?: bigint | undefined;
}

/** What a range has. */
export interface RangeResponse {
  /** The keys in the order that was asked for. */
  readonly kvs: readonly KeyValue[];
  /** Whether `limit` cut the answer short. */
  readonly more: boolean;
  /** How many keys the range has, whatever `limit` and the filters are. */
  readonly count: bigint;
}

/** Writes one key, whether or not it is there. */
export interface PutRequest {
  /** The whole key, as bytes. Not empty. */
  readonly key: Uint8Array;
  /** What it is to have, as bytes. */
  readonly value: Uint8Array;
  /** Binds the key to a lease; 0 or absent for none. */
  readonly lease?: bigint | undefined;
  /** Whether to answer with the state before. @default false */
  readonly prevKv?: boolean | undefined;
  /** Keeps the present value; `value` must be empty. */
  readonly ignoreValue?: boolean | undefined;
  /** Keeps the present lease; `lease` must be 0. */
  readonly ignoreLease?: boolean | undefined;
}

/** That a key was written. */
export interface PutResponse {
  /** The state before, if it was asked for and there was one. */
  readonly prevKv?: KeyValue | undefined;
}

/** Deletes the keys of a range. */
export interface DeleteRangeRequest extends KeyRange {
  /** Whether to answer with what was deleted. @default false */
  readonly prevKv?: boolean | undefined;
}

/** What a deletion found. */
export interface DeleteRangeResponse {
  /** How many keys it deleted. */
  readonly deleted: bigint;
  /** What they were, if that was asked for. */
  readonly prevKvs: readonly KeyValue[];
}

/**
 * A condition on one key, or on every key of a range. A key that does not exist has
 * version, revisions and lease 0, and fails every comparison of its value.
 */
export type Compare = KeyRange & {
  /** How the key's `target` must stand to `operand`: it is "greater" than that, say. */
  readonly result: "equal" | "notEqual" | "greater" | "less";
} & (
    | {
        /** Which of the key's numbers is compared. */
        readonly target: "version" | "createRevision" | "modRevision" | "lease";
        /** With what. */
        readonly operand: bigint;
      }
    | {
        /** The key's value is compared, byte by byte. */
        readonly target: "value";
        /** With what. */
        readonly operand: Uint8Array;
      }
  );

/** One operation of a transaction. */
export type RequestOp =
  | Operation<"range", RangeRequest>
  | Operation<"put", PutRequest>
  | Operation<"deleteRange", DeleteRangeRequest>
  | Operation<"txn", TxnRequest>;

/** One operation of its kind. */
interface Operation<Kind, Request> {
  /** What to do. */
  readonly op: Kind;
  /** With what. */
  readonly request: Request;
}

/** The answer to the operation at the same place in the request. */
export type ResponseOp =
  | Outcome<"range", RangeResponse>
  | Outcome<"put", PutResponse>
  | Outcome<"deleteRange", DeleteRangeResponse>
  | Outcome<"txn", TxnResult>;

/** The answer to one operation of its kind. */
interface Outcome<Kind, Response> {
  /** What was done. */
  readonly op: Kind;
  /** What came of it. */
  readonly response: Response;
}

/** A transaction: what is done depends on the state, and all of it happens at one revision. */
export interface TxnRequest {
  /** What must hold for `success`. Absent or empty, it holds. */
  readonly compare?: readonly Compare[] | undefined;
  /** What to do if all of `compare` hold. */
  readonly success?: readonly RequestOp[] | undefined;
  /** What to do otherwise. */
  readonly failure?: readonly RequestOp[] | undefined;
}

/** What a transaction came to: which branch, and an answer for each of its operations. */
export interface TxnResult {
  /** Whether all of `compare` held, so that `success` was carried out. */
  readonly succeeded: boolean;
  /** An answer for each operation of that branch, in its order. */
  readonly responses: readonly ResponseOp[];
}

/** The answer to a transaction. */
export interface TxnResponse extends TxnResult {
  /** `revision` is that of the transaction, if it changed anything. */
  readonly header: ResponseHeader;
}

/** That the past was forgotten. */
export interface CompactResponse {
  /** Where and when it was answered. */
  readonly header: ResponseHeader;
}
