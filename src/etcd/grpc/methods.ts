import type {
  CompactResponse,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveResponse,
  LeaseRevokeResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
  TxnRequest,
  TxnResponse,
} from "../api.ts";
import {
  type Credentials,
  decodeAuthenticateResponse,
  encodeAuthenticateRequest,
} from "../wire/auth-messages.ts";
import { decodeHeaderOnly } from "../wire/header-message.ts";
import { encodeCompactionRequest, encodeTxnRequest } from "../wire/kv-requests.ts";
import { decodeTxnResponse } from "../wire/kv-responses.ts";
import {
  decodeLeaseGrantResponse,
  decodeLeaseKeepAliveResponse,
  decodeLeaseTimeToLiveResponse,
  encodeLeaseGrantRequest,
  encodeLeaseId,
  encodeLeaseTimeToLiveRequest,
} from "../wire/lease-messages.ts";
import type { ProtobufReader } from "../wire/protobuf-reader.ts";
import type { ProtobufWriter } from "../wire/protobuf-writer.ts";
import { decodeServerVersion } from "./server-version.ts";

/** A call of etcd's that takes one message and returns one. */
export interface Method<Request, Response> {
  /** As etcd names it: `KV/Txn`. */
  readonly name: string;
  encode(request: Request, writer: ProtobufWriter): void;
  decode(reader: ProtobufReader): Response;
}

export const txn: Method<TxnRequest, TxnResponse> = {
  name: "KV/Txn",
  encode: encodeTxnRequest,
  decode: decodeTxnResponse,
};

export const compact: Method<bigint, CompactResponse> = {
  name: "KV/Compact",
  encode: encodeCompactionRequest,
  decode: decodeHeaderOnly,
};

export const leaseGrant: Method<LeaseGrantRequest, LeaseGrantResponse> = {
  name: "Lease/LeaseGrant",
  encode: encodeLeaseGrantRequest,
  decode: decodeLeaseGrantResponse,
};

/** A stream by right; with one message on each, a slow leader holds up no other lease's. */
export const leaseKeepAlive: Method<bigint, LeaseKeepAliveResponse> = {
  name: "Lease/LeaseKeepAlive",
  encode: encodeLeaseId,
  decode: decodeLeaseKeepAliveResponse,
};

export const leaseRevoke: Method<bigint, LeaseRevokeResponse> = {
  name: "Lease/LeaseRevoke",
  encode: encodeLeaseId,
  decode: decodeHeaderOnly,
};

export const leaseTimeToLive: Method<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse> = {
  name: "Lease/LeaseTimeToLive",
  encode: encodeLeaseTimeToLiveRequest,
  decode: decodeLeaseTimeToLiveResponse,
};

export const authenticate: Method<Credentials, string> = {
  name: "Auth/Authenticate",
  encode: encodeAuthenticateRequest,
  decode: decodeAuthenticateResponse,
};

export const status: Method<undefined, string> = {
  name: "Maintenance/Status",
  encode: () => {},
  decode: decodeServerVersion,
};
