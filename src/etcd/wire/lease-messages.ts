import type {
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
} from "../api.ts";
import { decodeResponseHeader, emptyHeader, writeHeader } from "./header-message.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";

export function encodeLeaseGrantRequest(request: LeaseGrantRequest, writer: ProtobufWriter): void {
  writer.int64(1, request.ttl);
  writer.int64(2, request.id);
}

export function decodeLeaseGrantRequest(reader: ProtobufReader): LeaseGrantRequest {
  let ttl = 0n;
  let id = 0n;
  while (reader.next()) {
    if (reader.field === 1) ttl = reader.int64();
    else if (reader.field === 2) id = reader.int64();
    else reader.skip();
  }
  return { ttl, id };
}

export function encodeLeaseGrantResponse(
  { header, id, ttl }: LeaseGrantResponse,
  writer: ProtobufWriter,
): void {
  writeHeader(writer, header);
  writer.int64(2, id);
  writer.int64(3, ttl);
}

export function decodeLeaseGrantResponse(reader: ProtobufReader): LeaseGrantResponse {
  let header = emptyHeader;
  let id = 0n;
  let ttl = 0n;
  while (reader.next()) {
    if (reader.field === 1) header = decodeResponseHeader(reader.message());
    else if (reader.field === 2) id = reader.int64();
    else if (reader.field === 3) ttl = reader.int64();
    else reader.skip();
  }
  return { header, id, ttl };
}

/** Encodes a request that names a lease and nothing else: a keepalive, a revocation. */
export function encodeLeaseId(id: bigint, writer: ProtobufWriter): void {
  writer.int64(1, id);
}

export function decodeLeaseId(reader: ProtobufReader): bigint {
  return decodeLeaseGrantRequest(reader).ttl;
}

export function decodeLeaseKeepAliveResponse(reader: ProtobufReader): LeaseKeepAliveResponse {
  const { header, ttl } = decodeLeaseGrantResponse(reader);
  return { header, ttl };
}

export function encodeLeaseTimeToLiveRequest(
  request: LeaseTimeToLiveRequest,
  writer: ProtobufWriter,
): void {
  writer.int64(1, request.id);
  writer.bool(2, request.keys);
}

export function decodeLeaseTimeToLiveRequest(reader: ProtobufReader): LeaseTimeToLiveRequest {
  let id = 0n;
  let keys = false;
  while (reader.next()) {
    if (reader.field === 1) id = reader.int64();
    else if (reader.field === 2) keys = reader.bool();
    else reader.skip();
  }
  return { id, keys };
}

/** Encodes how a lease stands; its answer says once more which one was asked for. */
export function encodeLeaseTimeToLiveResponse(
  { header, id, ttl, grantedTtl, keys }: LeaseTimeToLiveResponse & { readonly id: bigint },
  writer: ProtobufWriter,
): void {
  writeHeader(writer, header);
  writer.int64(2, id);
  writer.int64(3, ttl);
  writer.int64(4, grantedTtl);
  for (const key of keys) writer.bytes(5, key);
}

export function decodeLeaseTimeToLiveResponse(reader: ProtobufReader): LeaseTimeToLiveResponse {
  let header = emptyHeader;
  let ttl = 0n;
  let grantedTtl = 0n;
  const keys: Uint8Array[] = [];
  while (reader.next()) {
    if (reader.field === 1) header = decodeResponseHeader(reader.message());
    else if (reader.field === 3) ttl = reader.int64();
    else if (reader.field === 4) grantedTtl = reader.int64();
    else if (reader.field === 5) keys.push(reader.bytes());
    else reader.skip();
  }
  return { header, ttl, grantedTtl, keys };
}
