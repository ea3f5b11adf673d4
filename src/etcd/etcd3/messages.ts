import type {
  Compare,
  KeyRange,
  KeyValue,
  PutRequest,
  RangeRequest,
  RequestOp,
  ResponseHeader,
  ResponseOp,
  SortTarget,
  TxnRequest,
  TxnResult,
  WatchEvent,
  WatchRequest,
} from "../api.ts";
import type {
  CompareMessage,
  EventMessage,
  HeaderMessage,
  KeyValueMessage,
  PutMessage,
  RangeMessage,
  RequestOpMessage,
  ResponseOpMessage,
  TxnMessage,
  TxnResultMessage,
  WatchMessage,
} from "./client.ts";

const sortTargets = {
  key: "Key",
  version: "Version",
  createRevision: "Create",
  modRevision: "Mod",
  value: "Value",
} as const satisfies Record<SortTarget, RangeMessage["sort_target"]>;

const compareResults = {
  equal: "Equal",
  greater: "Greater",
  less: "Less",
  notEqual: "NotEqual",
} as const satisfies Record<Compare["result"], CompareMessage["result"]>;

export function toTxn({ compare = [], success = [], failure = [] }: TxnRequest): TxnMessage {
  return {
    compare: compare.map(toCompare),
    success: success.map(toRequestOp),
    failure: failure.map(toRequestOp),
  };
}

export function toWatch(request: WatchRequest, startRevision: bigint | undefined): WatchMessage {
  return {
    create_request: {
      ...toRange(request),
      start_revision: decimal(startRevision),
      prev_kv: request.prevKv ?? false,
    },
  };
}

export function fromHeader(header: HeaderMessage): ResponseHeader {
  return {
    clusterId: BigInt(header.cluster_id),
    memberId: BigInt(header.member_id),
    revision: BigInt(header.revision),
    raftTerm: BigInt(header.raft_term),
  };
}

export function fromTxnResult({ succeeded, responses }: TxnResultMessage): TxnResult {
  return { succeeded, responses: responses.map(fromResponseOp) };
}

export function fromEvent({ type, kv, prev_kv }: EventMessage): WatchEvent {
  return {
    type: type === "Delete" || type === 1 ? "delete" : "put",
    kv: fromKeyValue(kv),
    ...(prev_kv && { prevKv: fromKeyValue(prev_kv) }),
  };
}

/** Bytes of their own, as the port's other adapters give them. */
export function fromBytes(bytes: Buffer): Uint8Array {
  return Uint8Array.from(bytes);
}

function toCompare(compare: Compare): CompareMessage {
  const common = { ...toRange(compare), result: compareResults[compare.result] };
  switch (compare.target) {
    case "version":
      return { ...common, target: "Version", version: decimal(compare.operand) };
    case "createRevision":
      return { ...common, target: "Create", create_revision: decimal(compare.operand) };
    case "modRevision":
      return { ...common, target: "Mod", mod_revision: decimal(compare.operand) };
    case "lease":
      return { ...common, target: "Lease", lease: decimal(compare.operand) };
    case "value":
      return { ...common, target: "Value", value: Buffer.from(compare.operand) };
  }
}

function toRequestOp(operation: RequestOp): RequestOpMessage {
  switch (operation.op) {
    case "range":
      return { request_range: toRangeRequest(operation.request) };
    case "put":
      return { request_put: toPut(operation.request) };
    case "deleteRange":
      return {
        request_delete_range: {
          ...toRange(operation.request),
          prev_kv: operation.request.prevKv ?? false,
        },
      };
    case "txn":
      return { request_txn: toTxn(operation.request) };
  }
}

function toRange({ key, rangeEnd }: KeyRange): { key: Buffer; range_end?: Buffer } {
  // An end that is sent though it is empty makes etcd read everything from the key on.
  if (!rangeEnd?.length) return { key: Buffer.from(key) };
  return { key: Buffer.from(key), range_end: Buffer.from(rangeEnd) };
}

function toRangeRequest(request: RangeRequest): RangeMessage {
  const { sort } = request;
  return {
    ...toRange(request),
    limit: decimal(request.limit),
    revision: decimal(request.revision),
    sort_order: sort ? (sort.order === "ascending" ? "Ascend" : "Descend") : "None",
    sort_target: sortTargets[sort?.by ?? "key"],
    keys_only: request.keysOnly ?? false,
    count_only: request.countOnly ?? false,
    min_mod_revision: decimal(request.minModRevision),
    max_mod_revision: decimal(request.maxModRevision),
    min_create_revision: decimal(request.minCreateRevision),
    max_create_revision: decimal(request.maxCreateRevision),
  };
}

function toPut({ key, value, lease, prevKv, ignoreValue, ignoreLease }: PutRequest): PutMessage {
  return {
    key: Buffer.from(key),
    value: Buffer.from(value),
    lease: decimal(lease),
    prev_kv: prevKv ?? false,
    ignore_value: ignoreValue ?? false,
    ignore_lease: ignoreLease ?? false,
  };
}

function fromResponseOp(message: ResponseOpMessage): ResponseOp {
  const { response_range, response_put, response_delete_range, response_txn } = message;
  if (response_range) {
    const { kvs, more, count } = response_range;
    return {
      op: "range",
      response: { kvs: kvs.map(fromKeyValue), more, count: BigInt(count) },
    };
  }
  if (response_delete_range) {
    const { deleted, prev_kvs } = response_delete_range;
    return {
      op: "deleteRange",
      response: { deleted: BigInt(deleted), prevKvs: prev_kvs.map(fromKeyValue) },
    };
  }
  if (response_txn) return { op: "txn", response: fromTxnResult(response_txn) };
  const prevKv = response_put?.prev_kv;
  return { op: "put", response: prevKv ? { prevKv: fromKeyValue(prevKv) } : {} };
}

function fromKeyValue(message: KeyValueMessage): KeyValue {
  return {
    key: fromBytes(message.key),
    value: fromBytes(message.value),
    createRevision: BigInt(message.create_revision),
    modRevision: BigInt(message.mod_revision),
    version: BigInt(message.version),
    lease: BigInt(message.lease),
  };
}

function decimal(value: bigint | undefined): string {
  return String(value ?? 0n);
}
