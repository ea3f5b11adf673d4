import { crc32 } from "node:zlib";
import { StoreError } from "../../errors.ts";
import type { KeyValue, ResponseHeader } from "../api.ts";
import type { EmbeddedEtcd } from "../embedded/embedded-etcd.ts";
import { encodeFrame } from "../wire/framing.ts";
import { encodeHeaderOnly, writeHeader } from "../wire/header-message.ts";
import { decodeCompactionRequest } from "../wire/kv-requests-received.ts";
import { encodeKeyValue } from "../wire/kv-responses-sent.ts";
import { decodeLeaseId } from "../wire/lease-messages.ts";
import type { ProtobufWriter } from "../wire/protobuf-writer.ts";
import { refused, type Service, unary } from "./method.ts";
import { versions } from "./versions.ts";

const everything = { key: new Uint8Array(1), rangeEnd: new Uint8Array(1) };

/** What operators ask for, as far as it means something for a store without disk and peers. */
export function maintenanceService(store: EmbeddedEtcd): Service {
  return {
    Status: unary(
      () => undefined,
      () => store.header,
      encodeStatus,
    ),
    Alarm: unary(
      // The first field is what to do: 0 lists alarms, 1 raises one, and 2 calls one off.
      (reader) => Number(decodeLeaseId(reader)),
      (action) => {
        if (action === 0 || action === 2) return { header: store.header };
        throw new StoreError("UNIMPLEMENTED", "microlock: there are no alarms to raise here");
      },
      encodeHeaderOnly,
    ),
    Hash: unary(
      () => 0n,
      (revision) => hash(store, revision),
      encodeHash,
    ),
    HashKV: unary(decodeCompactionRequest, (revision) => hash(store, revision), encodeHashKv),
    Defragment: unary(
      () => undefined,
      () => ({ header: store.header }),
      encodeHeaderOnly,
    ),
    Snapshot: refused(
      "UNIMPLEMENTED",
      "microlock: there is no database file to take a snapshot of",
    ),
    MoveLeader: unary(
      decodeLeaseId,
      (member) => {
        const { header } = store;
        if (member === header.memberId) return { header };
        throw new StoreError("FAILED_PRECONDITION", "etcdserver: bad leader transferee");
      },
      encodeHeaderOnly,
    ),
    Downgrade: refused("UNIMPLEMENTED", "microlock: there is no other version to downgrade to"),
  };
}

/** Everything counts as applied: there is no log that one could lag behind. */
function encodeStatus(header: ResponseHeader, writer: ProtobufWriter): void {
  writeHeader(writer, header);
  writer.string(2, versions.server);
  writer.uint64(4, header.memberId);
  writer.int64(5, header.revision);
  writer.uint64(6, header.raftTerm);
  writer.int64(7, header.revision);
}

interface Hash {
  readonly header: ResponseHeader;
  readonly hash: number;
  readonly compactRevision: bigint;
}

/** A checksum of all keys at a revision. Not the one of etcd, which goes by its database file. */
async function hash(store: EmbeddedEtcd, revision: bigint): Promise<Hash> {
  const request = { ...everything, revision: revision < 0n ? 0n : revision };
  const { header, responses } = await store.txn({ success: [{ op: "range", request }] });
  const [answer] = responses;
  const kvs: readonly KeyValue[] = answer?.op === "range" ? answer.response.kvs : [];
  const sum = kvs.reduce((value, kv) => crc32(encodeFrame(kv, encodeKeyValue), value), 0);
  return { header, hash: sum, compactRevision: store.compactRevision };
}

function encodeHash({ header, hash }: Hash, writer: ProtobufWriter): void {
  writeHeader(writer, header);
  writer.int64(2, BigInt(hash));
}

function encodeHashKv(answer: Hash, writer: ProtobufWriter): void {
  encodeHash(answer, writer);
  writer.int64(3, answer.compactRevision);
}
