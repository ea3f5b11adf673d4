import type { KeyRange, WatchEvent } from "../api.ts";
import { writeHeader } from "./header-message.ts";
import { encodeKeyValue } from "./kv-responses-sent.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";
import type { WatchAnswer } from "./watch-messages.ts";

/** What a client wants to watch, and how. */
export interface WatchCreation extends KeyRange {
  readonly startRevision: bigint;
  readonly progressNotify: boolean;
  /** What it does not want to hear of. */
  readonly without: ReadonlySet<WatchEvent["type"]>;
  readonly prevKv: boolean;
  /** 0 to let the server choose one. */
  readonly id: bigint;
  /** Whether what is too large for one answer may come in several. */
  readonly fragment: boolean;
}

/** What came on the stream of the watches. */
export type ReceivedWatchCommand =
  | { readonly command: "create"; readonly request: WatchCreation }
  | { readonly command: "cancel"; readonly id: bigint }
  | { readonly command: "progress" }
  /** Nothing that we know; etcd passes over it. */
  | { readonly command: "none" };

export function decodeWatchCommand(reader: ProtobufReader): ReceivedWatchCommand {
  let command: ReceivedWatchCommand = { command: "none" };
  while (reader.next()) {
    if (reader.field === 1)
      command = { command: "create", request: decodeCreate(reader.message()) };
    else if (reader.field === 2) command = { command: "cancel", id: decodeId(reader.message()) };
    else if (reader.field === 3) {
      decodeId(reader.message());
      command = { command: "progress" };
    } else reader.skip();
  }
  return command;
}

function decodeCreate(reader: ProtobufReader): WatchCreation {
  let key: Uint8Array = new Uint8Array(0);
  let rangeEnd: Uint8Array | undefined;
  let startRevision = 0n;
  let progressNotify = false;
  const without = new Set<WatchEvent["type"]>();
  let prevKv = false;
  let id = 0n;
  let fragment = false;
  while (reader.next()) {
    if (reader.field === 1) key = reader.bytes();
    else if (reader.field === 2) rangeEnd = reader.bytes();
    else if (reader.field === 3) startRevision = reader.int64();
    else if (reader.field === 4) progressNotify = reader.bool();
    else if (reader.field === 5) for (const filter of reader.uint32s()) addFilter(without, filter);
    else if (reader.field === 6) prevKv = reader.bool();
    else if (reader.field === 7) id = reader.int64();
    else if (reader.field === 8) fragment = reader.bool();
    else reader.skip();
  }
  return { key, rangeEnd, startRevision, progressNotify, without, prevKv, id, fragment };
}

function addFilter(without: Set<WatchEvent["type"]>, filter: number): void {
  if (filter === 0) without.add("put");
  else if (filter === 1) without.add("delete");
}

function decodeId(reader: ProtobufReader): bigint {
  let id = 0n;
  while (reader.next()) {
    if (reader.field === 1) id = reader.int64();
    else reader.skip();
  }
  return id;
}

/** What the server says; what is left out is as in most answers: no, none, 0. */
export type WatchAnswerSent = Pick<WatchAnswer, "header" | "id"> &
  Partial<Omit<WatchAnswer, "header" | "id">> & {
    /** Whether more of the same revision follows. */
    readonly fragment?: boolean;
  };

export function encodeWatchAnswer(answer: WatchAnswerSent, writer: ProtobufWriter): void {
  writeHeader(writer, answer.header);
  writer.int64(2, answer.id);
  writer.bool(3, answer.created);
  writer.bool(4, answer.canceled);
  writer.int64(5, answer.compactRevision);
  writer.string(6, answer.cancelReason ?? "");
  writer.bool(7, answer.fragment);
  for (const event of answer.events ?? []) writer.message(11, event, encodeEvent);
}

function encodeEvent({ type, kv, prevKv }: WatchEvent, writer: ProtobufWriter): void {
  writer.uint32(1, type === "delete" ? 1 : 0);
  writer.message(2, kv, encodeKeyValue);
  if (prevKv) writer.message(3, prevKv, encodeKeyValue);
}
