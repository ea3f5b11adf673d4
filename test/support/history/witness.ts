import { claimsOf, stateOf } from "../../../src/core/entry.ts";
import { textOf } from "../../../src/core/keys.ts";
import { modeOf } from "../../../src/core/mode.ts";
import type { Etcd, KeyValue } from "../../../src/etcd/api.ts";
import type { Want } from "../../../src/testkit/history/event.ts";
import type { Entry, Write } from "../../../src/testkit/history/server-side.ts";
import { type Owner, Sightings } from "../../../src/testkit/history/sightings.ts";
import type { PartyEntry } from "./barrier-rounds.ts";

/** Somebody who asks for nothing, and sees in etcd what happens to the queues. */
export interface Witness {
  readonly entries: readonly Entry[];
  readonly partyEntries: readonly PartyEntry[];
  readonly writes: readonly Write[];
  /** The leases of what is to outlast its owners: the counts of latches, the ends of ticks. */
  lasting(): readonly bigint[];
  /** The keys that are there now, but for what was written. */
  keys(): readonly string[];
  close(): void;
}

type PartyDraft = { -readonly [Key in keyof PartyEntry]: PartyEntry[Key] };

const everything = { key: new Uint8Array([0]), rangeEnd: new Uint8Array([0]) };
const namespace = "microlock/";
const queueKey = /^microlock\/(?!%session)([^/]+)\/(.*)$/;
const writtenKey = /^written\/([^/]+)\/(\d+)\//;

/** Watches all of etcd from now on. `now` is the clock of the histories. */
export async function openWitness(etcd: Etcd, now: () => number): Promise<Witness> {
  const sightings = new Sightings({ namespace, now, ownerOf: wantOf });
  const writes: Write[] = [];
  const partyEntries = new Map<string, PartyDraft>();
  const lasting = new Map<string, bigint>();

  const onPut = (kv: KeyValue): void => {
    const key = textOf(kv.key);
    const [, written, token] = writtenKey.exec(key) ?? [];
    if (written !== undefined && token !== undefined) {
      const { mode, permits } = wantOf(kv);
      writes.push({ name: written, token: BigInt(token), revision: kv.modRevision, mode, permits });
      return;
    }
    const [, name, suffix = ""] = queueKey.exec(key) ?? [];
    if (name === undefined) return;
    const mode = modeOf(suffix);
    if (mode.kind === "latch" || mode.kind === "kept") lasting.set(key, kv.lease);
    if (mode.kind !== "barrier") return;
    const party = partyEntries.get(key) ?? newParty(name, mode.total, kv);
    partyEntries.set(key, party);
    const state = stateOf(kv) ?? "";
    if (/^inside/.test(state)) party.insideAt ??= kv.modRevision;
    if (/^leaving/.test(state)) party.leavingAt ??= kv.modRevision;
  };
  const onDelete = (kv: KeyValue): void => {
    const key = textOf(kv.key);
    lasting.delete(key);
    const party = partyEntries.get(key);
    if (party) party.removedAt = kv.modRevision;
  };

  return new Promise((resolve, reject) => {
    const watch = etcd.watch(everything, {
      onCreated: () =>
        resolve({
          ...{ entries: sightings.entries, writes },
          get partyEntries() {
            return [...partyEntries.values()];
          },
          lasting: () => [...lasting.values()],
          keys: () => sightings.keys,
          close: () => watch.close(),
        }),
      onEvents: (events) => {
        for (const event of events) {
          (event.type === "put" ? onPut : onDelete)(event.kv);
          sightings.see(event);
        }
      },
      onEnd: reject,
    });
  });
}

function newParty(name: string, parties: number, kv: KeyValue): PartyDraft {
  return {
    ...{ name, parties, who: claimsOf(kv.value).nodeId ?? "", cameAt: kv.createRevision },
    ...{ insideAt: undefined, leavingAt: undefined, removedAt: undefined },
  };
}

/** What the owner of a key says about itself: in the reason that it asked with, or in the value. */
function wantOf({ value }: KeyValue): Want & Owner {
  const said = JSON.parse(textOf(value));
  return said.reason === undefined ? said : JSON.parse(said.reason);
}
