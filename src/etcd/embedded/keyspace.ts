import type { KeyRange, KeyValue } from "../api.ts";
import { type Change, type Commit, History } from "./history.ts";
import { KeyIndex } from "./key-index.ts";
import { isSingleKey, keyString, spanOf, spans } from "./key-string.ts";

const nothing = new Uint8Array(0);

/** What a put writes. */
export interface KeyState {
  readonly value: Uint8Array;
  readonly lease: bigint;
}

/** All keys at one revision, and how they came to be so. */
export interface KeyspaceSnapshot {
  readonly revision: bigint;
  readonly kvs: readonly KeyValue[];
  readonly commits: readonly Commit[];
  readonly compactRevision: bigint;
}

/**
 * The keys at every revision that is not compacted: the present ones in order, and what was
 * changed, by which the past is worked out when somebody asks for it.
 */
export class Keyspace {
  readonly #index = new KeyIndex();
  readonly #history: History;
  readonly #onCommit: (commit: Commit) => void;
  #revision = 1n;
  #changes: Change[] = [];

  /** `onCommit` hears of every revision as soon as it stands. */
  constructor(
    historyLimit: number,
    onCommit: (commit: Commit) => void,
    snapshot?: KeyspaceSnapshot,
  ) {
    this.#history = new History(historyLimit);
    this.#onCommit = onCommit;
    if (!snapshot) return;
    this.#revision = snapshot.revision;
    for (const kv of snapshot.kvs) this.#index.add(keyString(kv.key), kv);
    for (const commit of snapshot.commits) this.#history.append(commit);
    if (snapshot.compactRevision > 0n) this.#history.compact(snapshot.compactRevision);
  }

  /** All that is there now. What it has is never changed in place. */
  snapshot(): KeyspaceSnapshot {
    const kvs: KeyValue[] = [];
    this.#index.forEach({ start: "", end: undefined }, (kv) => kvs.push(kv));
    const { revision, compactRevision } = this;
    return { revision, kvs, commits: this.commitsFrom(0n), compactRevision };
  }

  /** The revision of the last write. */
  get revision(): bigint {
    return this.#revision;
  }

  /** The oldest revision that can be read and watched; -1 as long as all of them can. */
  get compactRevision(): bigint {
    return this.#history.compactRevision;
  }

  /** How many keys there are. */
  get size(): number {
    return this.#index.size;
  }

  /** One key as it is now, after what the write under way has done to it. */
  get(key: Uint8Array): KeyValue | undefined {
    return this.#index.find(keyString(key))?.kv;
  }

  /** The keys of a range in order, as they are now or were at a past revision. */
  read(range: KeyRange, revision: bigint = 0n): KeyValue[] {
    if (revision > 0n && revision <= this.#revision) return this.#readPast(range, revision);
    const kvs: KeyValue[] = [];
    this.#forEach(range, (kv) => kvs.push(kv));
    return kvs;
  }

  /** The commits from a revision on, oldest first. */
  commitsFrom(revision: bigint): readonly Commit[] {
    return this.#history.from(revision);
  }

  compact(revision: bigint): void {
    this.#history.compact(revision);
  }

  /** Does all the writing of `work` at one revision, or none of it when `work` throws. */
  write<T>(work: () => T): T {
    let result: T;
    try {
      result = work();
    } catch (error) {
      this.#undo();
      throw error;
    }
    if (this.#changes.length > 0) this.#commit();
    return result;
  }

  /** Writes a key, within `write`. Tells the state before. */
  put(keyBytes: Uint8Array, { value, lease }: KeyState): KeyValue | undefined {
    const key = keyString(keyBytes);
    const slot = this.#index.find(key);
    const prev = slot?.kv;
    const modRevision = this.#revision + 1n;
    // Copies, for the caller may go on to use its buffers for something else.
    const kv: KeyValue = {
      key: prev ? prev.key : new Uint8Array(keyBytes),
      value: new Uint8Array(value),
      createRevision: prev ? prev.createRevision : modRevision,
      modRevision,
      version: prev ? prev.version + 1n : 1n,
      lease,
    };
    if (slot) slot.kv = kv;
    else this.#index.add(key, kv);
    this.#changes.push({ type: "put", key, kv, prev });
    return prev;
  }

  /** Deletes the keys of a range, within `write`. Tells which, in order, as they were. */
  delete(range: KeyRange): KeyValue[] {
    const gone: KeyValue[] = [];
    const first = this.#changes.length;
    this.#forEach(range, (prev, key) => {
      gone.push(prev);
      this.#changes.push({ type: "delete", key, kv: this.#absent(prev.key), prev });
    });
    // Not before, for the index must not change while it is gone through.
    for (const { key } of this.#changes.slice(first)) this.#index.delete(key);
    return gone;
  }

  /** What is left of a key that is being deleted. */
  #absent(key: Uint8Array): KeyValue {
    return {
      key,
      value: nothing,
      createRevision: 0n,
      modRevision: this.#revision + 1n,
      version: 0n,
      lease: 0n,
    };
  }

  #forEach(range: KeyRange, visit: (kv: KeyValue, key: string) => void): void {
    if (!isSingleKey(range)) {
      this.#index.forEach(spanOf(range), visit);
      return;
    }
    const slot = this.#index.find(keyString(range.key));
    if (slot) visit(slot.kv, slot.key);
  }

  #commit(): void {
    this.#revision += 1n;
    const commit = { revision: this.#revision, changes: this.#changes };
    this.#changes = [];
    this.#history.append(commit);
    this.#onCommit(commit);
  }

  #undo(): void {
    for (const { key, prev } of this.#changes.reverse()) {
      const slot = this.#index.find(key);
      if (!prev) this.#index.delete(key);
      else if (slot) slot.kv = prev;
      else this.#index.add(key, prev);
    }
    this.#changes = [];
  }

  /** Takes the present and turns back, change by change, what happened since. */
  #readPast(range: KeyRange, revision: bigint): KeyValue[] {
    const span = spanOf(range);
    const past = new Map<string, KeyValue>();
    this.#index.forEach(span, (kv, key) => past.set(key, kv));

    const since = this.commitsFrom(revision + 1n).flatMap(({ changes }) => changes);
    for (const { key, prev } of [...since, ...this.#changes].reverse()) {
      if (!spans(span, key)) continue;
      if (prev) past.set(key, prev);
      else past.delete(key);
    }
    return [...past].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, kv]) => kv);
  }
}
