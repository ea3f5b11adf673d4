import { StoreError } from "../../errors.ts";
import type { LeaseKeepAliveResponse } from "../api.ts";
import type { EmbeddedEtcd, LeaseLeasesResponse } from "../embedded/embedded-etcd.ts";
import { encodeFrame } from "../wire/framing.ts";
import { encodeHeaderOnly, writeHeader } from "../wire/header-message.ts";
import {
  decodeLeaseGrantRequest,
  decodeLeaseId,
  decodeLeaseTimeToLiveRequest,
  encodeLeaseGrantResponse,
  encodeLeaseId,
  encodeLeaseTimeToLiveResponse,
} from "../wire/lease-messages.ts";
import type { ProtobufWriter } from "../wire/protobuf-writer.ts";
import { decodeStreamed, type Method, type Service, unary } from "./method.ts";

/** Leases, and the streams that keep them alive. */
export function leaseService(store: EmbeddedEtcd): Service {
  return {
    LeaseGrant: unary(
      decodeLeaseGrantRequest,
      (request) => store.leaseGrant(request),
      encodeLeaseGrantResponse,
    ),
    LeaseRevoke: unary(decodeLeaseId, (id) => store.leaseRevoke(id), encodeHeaderOnly),
    LeaseKeepAlive: keepAlive(store),
    LeaseTimeToLive: unary(
      decodeLeaseTimeToLiveRequest,
      async (request) => ({ ...(await store.leaseTimeToLive(request)), id: request.id }),
      encodeLeaseTimeToLiveResponse,
    ),
    LeaseLeases: unary(
      () => undefined,
      () => store.leaseLeases(),
      encodeLeaseLeases,
    ),
  };
}

/** A stream with many keepalives, for as many leases as the client likes, answered in order. */
function keepAlive(store: EmbeddedEtcd): Method {
  return (call) => {
    let answered: Promise<void> = Promise.resolve();
    return {
      onMessage(message) {
        const id = decodeStreamed(message, decodeLeaseId);
        const renewal = store.leaseKeepAlive(id);
        answered = answered.then(async () => {
          try {
            call.send(encodeFrame({ ...(await renewal), id }, encodeLeaseKeepAlive));
          } catch (error) {
            call.fail(error);
          }
        });
      },
      onHalfClose(isTruncated) {
        if (isTruncated) throw new StoreError("INTERNAL", "unexpected EOF");
        void answered.then(() => call.end("OK"));
      },
    };
  };
}

function encodeLeaseKeepAlive(
  response: LeaseKeepAliveResponse & { readonly id: bigint },
  writer: ProtobufWriter,
): void {
  encodeLeaseGrantResponse(response, writer);
}

function encodeLeaseLeases({ header, ids }: LeaseLeasesResponse, writer: ProtobufWriter): void {
  writeHeader(writer, header);
  for (const id of ids) writer.message(2, id, encodeLeaseId);
}
