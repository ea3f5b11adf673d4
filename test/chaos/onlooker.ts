import { textOf } from "../../src/core/keys.ts";
import type { Etcd, KeyValue } from "../../src/etcd/api.ts";
import { GrpcEtcd } from "../../src/etcd/grpc/grpc-etcd.ts";
import { openWitness, type Witness } from "../support/history/witness.ts";

/** An entry as it stands in etcd now. */
export interface Standing {
  readonly key: Uint8Array;
  readonly name: string;
  readonly lease: bigint;
  readonly token: bigint;
}

/** What was seen of an entry. */
export interface Seen {
  /** When it came. */
  readonly at: number;
  /** The last lease that it hung on. */
  readonly lease: bigint;
}

const entryKey =
  /^microlock\/(?!%session)([^/]+)\/(?!(?:read\/|write\/)?kept-|kept\/|latch\/|barrier\/)/;

/** Sees everything in etcd, by ways that nobody disturbs. */
export class Onlooker {
  readonly etcd: Etcd;
  readonly witness: Witness;
  /** What was seen of each entry, by its name and token. */
  readonly seen: ReadonlyMap<string, Seen>;
  readonly #standing: ReadonlyMap<string, Standing>;
  readonly #revision: () => bigint;

  private constructor(
    etcd: Etcd,
    witness: Witness,
    sight: {
      seen: ReadonlyMap<string, Seen>;
      standing: ReadonlyMap<string, Standing>;
      revision: () => bigint;
    },
  ) {
    this.etcd = etcd;
    this.witness = witness;
    this.seen = sight.seen;
    this.#standing = sight.standing;
    this.#revision = sight.revision;
  }

  static async open(endpoints: readonly string[], now: () => number): Promise<Onlooker> {
    const etcd = new GrpcEtcd({ endpoints, connectTimeoutMs: 500 });
    const standing = new Map<string, Standing>();
    const seen = new Map<string, Seen>();
    let revision = 0n;
    const look = (type: "put" | "delete", kv: KeyValue): void => {
      revision = kv.modRevision;
      const key = textOf(kv.key);
      if (type === "delete") {
        standing.delete(key);
        return;
      }
      const name = entryKey.exec(key)?.[1];
      if (name === undefined) return;
      const { lease, createRevision: token } = kv;
      const id = `${name} ${token}`;
      seen.set(id, { at: seen.get(id)?.at ?? now(), lease });
      standing.set(key, { key: kv.key, name, lease, token });
    };
    const watched: Pick<Etcd, "watch"> = {
      watch: (request, observer) =>
        etcd.watch(request, {
          ...observer,
          onEvents(events) {
            for (const { type, kv } of events) look(type, kv);
            observer.onEvents(events);
          },
          // What comes after that would go unseen, and every verdict be worth nothing.
          onEnd(error) {
            throw error;
          },
        }),
    };
    const witness = await openWitness(watched as Etcd, now);
    return new Onlooker(etcd, witness, { seen, standing, revision: () => revision });
  }

  /** The last revision that it has seen something of. */
  get revision(): bigint {
    return this.#revision();
  }

  /** Those who hold, each the first of its queue. */
  heads(): readonly Standing[] {
    const heads = new Map<string, Standing>();
    for (const each of this.#standing.values()) {
      const head = heads.get(each.name);
      if (!head || each.token < head.token) heads.set(each.name, each);
    }
    return [...heads.values()];
  }

  async close(): Promise<void> {
    this.witness.close();
    await this.etcd.close();
  }
}
