/**
 * The `Etcd3` client of the `etcd3` package: as much of it as we use, which is its raw
 * clients. Numbers of 64 bits are decimal strings there, and what is absent is null.
 */
export interface RawEtcd3 {
  readonly kv: {
    txn(request: TxnMessage, options?: Etcd3CallOptions): Promise<TxnAnswer>;
    compact(
      request: { revision: string; physical: boolean },
      options?: Etcd3CallOptions,
    ): Promise<{ header: HeaderMessage }>;
  };
  readonly leaseClient: {
    leaseGrant(
      request: { TTL: string; ID: string },
      options?: Etcd3CallOptions,
    ): Promise<{ header: HeaderMessage; ID: string; TTL: string }>;
    leaseRevoke(
      request: { ID: string },
      options?: Etcd3CallOptions,
    ): Promise<{ header: HeaderMessage }>;
    leaseTimeToLive(
      request: { ID: string; keys: boolean },
      options?: Etcd3CallOptions,
    ): Promise<{ header: HeaderMessage; TTL: string; grantedTTL: string; keys: Buffer[] }>;
    leaseKeepAlive(
      options?: Etcd3CallOptions,
    ): Promise<Etcd3Stream<{ ID: string }, { header: HeaderMessage; TTL: string }>>;
  };
  readonly watchClient: {
    watch(): Promise<Etcd3Stream<WatchMessage, WatchAnswer>>;
  };
  close(): unknown;
}

/** Bounds a call, by the time of day. */
export interface Etcd3CallOptions {
  deadline?: number;
}

/** A call in both directions. */
export interface Etcd3Stream<Request, Response> {
  on(event: "data", listener: (response: Response) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  write(request: Request): unknown;
  end(): unknown;
  cancel(): unknown;
}

export interface HeaderMessage {
  readonly cluster_id: string;
  readonly member_id: string;
  readonly revision: string;
  readonly raft_term: string;
}

export interface KeyValueMessage {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly create_revision: string;
  readonly mod_revision: string;
  readonly version: string;
  readonly lease: string;
}

export interface RangeMessage {
  key: Buffer;
  range_end?: Buffer;
  limit: string;
  revision: string;
  sort_order: "None" | "Ascend" | "Descend";
  sort_target: "Key" | "Version" | "Create" | "Mod" | "Value";
  keys_only: boolean;
  count_only: boolean;
  min_mod_revision: string;
  max_mod_revision: string;
  min_create_revision: string;
  max_create_revision: string;
}

export interface PutMessage {
  key: Buffer;
  value: Buffer;
  lease: string;
  prev_kv: boolean;
  ignore_value: boolean;
  ignore_lease: boolean;
}

export interface DeleteRangeMessage {
  key: Buffer;
  range_end?: Buffer;
  prev_kv: boolean;
}

/** One of its members. */
export interface RequestOpMessage {
  request_range?: RangeMessage;
  request_put?: PutMessage;
  request_delete_range?: DeleteRangeMessage;
  request_txn?: TxnMessage;
}

/** With one operand, the one that `target` names. */
export interface CompareMessage {
  result: "Equal" | "Greater" | "Less" | "NotEqual";
  target: "Version" | "Create" | "Mod" | "Value" | "Lease";
  key: Buffer;
  range_end?: Buffer;
  version?: string;
  create_revision?: string;
  mod_revision?: string;
  value?: Buffer;
  lease?: string;
}

export interface TxnMessage {
  compare: CompareMessage[];
  success: RequestOpMessage[];
  failure: RequestOpMessage[];
}

/** One of its members. */
export interface ResponseOpMessage {
  readonly response_range?: {
    readonly kvs: readonly KeyValueMessage[];
    readonly more: boolean;
    readonly count: string;
  } | null;
  readonly response_put?: { readonly prev_kv?: KeyValueMessage | null } | null;
  readonly response_delete_range?: {
    readonly deleted: string;
    readonly prev_kvs: readonly KeyValueMessage[];
  } | null;
  readonly response_txn?: TxnResultMessage | null;
}

export interface TxnResultMessage {
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOpMessage[];
}

export interface TxnAnswer extends TxnResultMessage {
  readonly header: HeaderMessage;
}

export interface WatchMessage {
  create_request: {
    key: Buffer;
    range_end?: Buffer;
    start_revision: string;
    prev_kv: boolean;
  };
}

export interface WatchAnswer {
  readonly header: HeaderMessage;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compact_revision: string;
  readonly cancel_reason: string;
  readonly events: readonly EventMessage[];
}

export interface EventMessage {
  readonly type: "Put" | "Delete" | number;
  readonly kv: KeyValueMessage;
  readonly prev_kv?: KeyValueMessage | null;
}

/**
 * Whether a value is such a client. An object of its `namespace()` is not: the raw clients
 * that it has would pass by its prefix.
 */
export function isEtcd3(value: object): value is RawEtcd3 {
  const client: Partial<Record<keyof RawEtcd3, unknown>> = value;
  return (
    has(client.kv, "txn", "compact") &&
    has(client.leaseClient, "leaseGrant", "leaseRevoke", "leaseTimeToLive", "leaseKeepAlive") &&
    has(client.watchClient, "watch") &&
    typeof client.close === "function"
  );
}

function has(value: unknown, ...methods: readonly string[]): boolean {
  if (typeof value !== "object" || value === null) return false;
  return methods.every((method) => typeof Reflect.get(value, method) === "function");
}
