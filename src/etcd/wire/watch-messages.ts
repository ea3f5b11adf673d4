import type { KeyValue, ResponseHeader, WatchEvent, WatchRequest } from "../api.ts";
import { decodeResponseHeader, emptyHeader } from "./header-message.ts";
import { decodeKeyValue } from "./kv-responses.ts";
import { MalformedMessageError } from "./malformed-message-error.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";

/** What a client says on the stream that all watches share. */
export type WatchCommand =
  | { readonly command: "create"; readonly id: bigint; readonly request: WatchRequest }
  | { readonly command: "cancel"; readonly id: bigint }
  | { readonly command: "progress" };

/** What etcd says on it. */
export interface WatchAnswer {
  readonly header: ResponseHeader;
  /** -1 for a watch that was refused, and for news of the stream as a whole. */
  readonly id: bigint;
  readonly created: boolean;
  readonly canceled: boolean;
  /** Not 0 when a watch was cancelled for want of so old a revision. */
  readonly compactRevision: bigint;
  readonly cancelReason: string;
  readonly events: readonly WatchEvent[];
}

export function encodeWatchCommand(command: WatchCommand, writer: ProtobufWriter): void {
  if (command.command === "create") writer.message(1, command, encodeCreate);
  else if (command.command === "cancel") writer.message(2, command.id, encodeCancel);
  else writer.message(3, undefined, () => {});
}

function encodeCreate(
  { id, request }: { readonly id: bigint; readonly request: WatchRequest },
  writer: ProtobufWriter,
): void {
  writer.bytes(1, request.key);
  writer.bytes(2, request.rangeEnd);
  writer.int64(3, request.startRevision);
  writer.bool(4, true); // progress notifications, as a sign of life
  writer.bool(6, request.prevKv);
  writer.int64(7, id);
}

function encodeCancel(id: bigint, writer: ProtobufWriter): void {
  writer.int64(1, id);
}

export function decodeWatchAnswer(reader: ProtobufReader): WatchAnswer {
  let header = emptyHeader;
  let id = 0n;
  let created = false;
  let canceled = false;
  let compactRevision = 0n;
  let cancelReason = "";
  const events: WatchEvent[] = [];
  while (reader.next()) {
    if (reader.field === 1) header = decodeResponseHeader(reader.message());
    else if (reader.field === 2) id = reader.int64();
    else if (reader.field === 3) created = reader.bool();
    else if (reader.field === 4) canceled = reader.bool();
    else if (reader.field === 5) compactRevision = reader.int64();
    else if (reader.field === 6) cancelReason = reader.string();
    else if (reader.field === 11) events.push(decodeEvent(reader.message()));
    else reader.skip();
  }
  return { header, id, created, canceled, compactRevision, cancelReason, events };
}

function decodeEvent(reader: ProtobufReader): WatchEvent {
  let type: WatchEvent["type"] = "put";
  let kv: KeyValue | undefined;
  let prevKv: KeyValue | undefined;
  while (reader.next()) {
    if (reader.field === 1) type = reader.uint32() === 1 ? "delete" : "put";
    else if (reader.field === 2) kv = decodeKeyValue(reader.message());
    else if (reader.field === 3) prevKv = decodeKeyValue(reader.message());
    else reader.skip();
  }
  if (!kv) throw new MalformedMessageError("an event has no key");
  return prevKv ? { type, kv, prevKv } : { type, kv };
}
