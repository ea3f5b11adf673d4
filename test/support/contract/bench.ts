import assert from "node:assert/strict";
import { StoreError, type StoreStatus } from "../../../src/errors.ts";
import type {
  DeleteRangeResponse,
  Etcd,
  KeyRange,
  KeyValue,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  RequestOp,
  TxnRequest,
  TxnResponse,
  TxnResult,
} from "../../../src/etcd/api.ts";
import { RecordedWatch } from "./recorded-watch.ts";

/** Something that is true of every store, and a function that throws if it is not of this one. */
export interface ContractCase {
  readonly name: string;
  readonly check: (bench: ContractBench) => Promise<void>;
}

/** A key as a test writes it down: its name without the prefix, and plain numbers. */
export interface PlainKv {
  readonly key: string;
  readonly value: string;
  /** Revisions since the case began. */
  readonly create: number;
  readonly mod: number;
  readonly version: number;
}

type Options<Request, Given extends keyof Request> = Partial<Omit<Request, Given>>;

let prefixes = Date.now() * 1_000;

/** What a case of the contract works with: a store, and keys that nobody else uses. */
export class ContractBench {
  readonly etcd: Etcd;
  /** Lets time pass for the store's leases. */
  readonly passTime: (ms: number) => Promise<void>;
  /** The store's revision when the case began. */
  readonly base: bigint;
  readonly #prefix: string;

  private constructor(etcd: Etcd, passTime: (ms: number) => Promise<void>, base: bigint) {
    this.etcd = etcd;
    this.passTime = passTime;
    this.base = base;
    // It sorts behind the keys of earlier cases, so that open-ended ranges are ours too.
    this.#prefix = `\xfe${prefixes++}/`;
  }

  static async open(etcd: Etcd, passTime: (ms: number) => Promise<void>): Promise<ContractBench> {
    const { header } = await etcd.txn({});
    return new ContractBench(etcd, passTime, header.revision);
  }

  /** The key of that name, which may have any characters up to 255. */
  key(name: string): Uint8Array {
    return bytes(this.#prefix + name);
  }

  /** All keys of this case, or those whose names lie in a span. */
  all(start = "", end?: string): KeyRange {
    const last = `${this.#prefix.slice(0, -1)}0`;
    return { key: this.key(start), rangeEnd: end === undefined ? bytes(last) : this.key(end) };
  }

  put(name: string, value = "", options: Options<PutRequest, "key" | "value"> = {}): RequestOp {
    return { op: "put", request: { key: this.key(name), value: bytes(value), ...options } };
  }

  delete(name: string, end?: string, prevKv = false): RequestOp {
    const range = end === undefined ? { key: this.key(name) } : this.all(name, end);
    return { op: "deleteRange", request: { ...range, prevKv } };
  }

  get(name: string, options: Options<RangeRequest, "key"> = {}): RequestOp {
    return { op: "range", request: { key: this.key(name), ...options } };
  }

  getAll(options: Options<RangeRequest, "key" | "rangeEnd"> = {}): RequestOp {
    return { op: "range", request: { ...this.all(), ...options } };
  }

  nest(request: TxnRequest): RequestOp {
    return { op: "txn", request };
  }

  /** Carries out operations in one transaction. */
  run(...success: RequestOp[]): Promise<TxnResponse> {
    return this.etcd.txn({ success });
  }

  /** Carries out operations one after the other, each at its own revision. */
  async each(...ops: RequestOp[]): Promise<void> {
    for (const op of ops) await this.run(op);
  }

  async range(op: RequestOp): Promise<RangeResponse> {
    return rangeOf(await this.run(op));
  }

  /** The names of the keys that a range finds, in its order. */
  async names(op: RequestOp): Promise<string[]> {
    return (await this.range(op)).kvs.map((kv) => this.name(kv.key));
  }

  async find(name: string): Promise<KeyValue | undefined> {
    return (await this.range(this.get(name))).kvs[0];
  }

  /** The revision of the store, counted from the beginning of the case. */
  async revision(): Promise<number> {
    return this.since((await this.etcd.txn({})).header.revision);
  }

  since(revision: bigint): number {
    return Number(revision - this.base);
  }

  name(key: Uint8Array): string {
    const name = text(key);
    assert.ok(name.startsWith(this.#prefix), "a key of another case");
    return name.slice(this.#prefix.length);
  }

  plain({ key, value, createRevision, modRevision, version }: KeyValue): PlainKv {
    return {
      key: this.name(key),
      value: text(value),
      create: this.since(createRevision),
      mod: this.since(modRevision),
      version: Number(version),
    };
  }

  watch(
    range: KeyRange,
    options: { startRevision?: bigint; prevKv?: boolean } = {},
  ): RecordedWatch {
    return new RecordedWatch(this.etcd, { ...range, ...options });
  }

  /** A lease that lives for long enough. */
  async grant(ttl = 60n): Promise<bigint> {
    return (await this.etcd.leaseGrant({ ttl })).id;
  }

  /** Sees to it that a request is refused with these words, and changes nothing. */
  async refuses(request: Promise<unknown>, status: StoreStatus, message: string): Promise<void> {
    await assert.rejects(request, (error: unknown) => {
      assert.ok(error instanceof StoreError, `not a StoreError: ${String(error)}`);
      assert.deepEqual([error.status, error.message], [status, message]);
      return true;
    });
  }
}

/** A string of characters up to 255 as bytes of the same numbers. */
export function bytes(characters: string): Uint8Array {
  return new Uint8Array(Buffer.from(characters, "latin1"));
}

export function text(array: Uint8Array): string {
  return Buffer.from(array).toString("latin1");
}

export function rangeOf({ responses }: TxnResult, place = 0): RangeResponse {
  const response = responses[place];
  assert.ok(response?.op === "range");
  return response.response;
}

export function putOf({ responses }: TxnResult, place = 0): PutResponse {
  const response = responses[place];
  assert.ok(response?.op === "put");
  return response.response;
}

export function deleteOf({ responses }: TxnResult, place = 0): DeleteRangeResponse {
  const response = responses[place];
  assert.ok(response?.op === "deleteRange");
  return response.response;
}

export function txnOf({ responses }: TxnResult, place = 0): TxnResult {
  const response = responses[place];
  assert.ok(response?.op === "txn");
  return response.response;
}
