import { StoreError } from "../../errors.ts";
import type {
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  ResponseHeader,
  ResponseOp,
} from "../api.ts";
import type { EmbeddedEtcd } from "../embedded/embedded-etcd.ts";
import { encodeHeaderOnly } from "../wire/header-message.ts";
import {
  decodeCompactionRequest,
  decodeDeleteRangeRequest,
  decodePutRequest,
  decodeRangeRequest,
  decodeTxnRequest,
} from "../wire/kv-requests-received.ts";
import {
  encodeDeleteRangeResponse,
  encodePutResponse,
  encodeRangeResponse,
  encodeTxnResponse,
} from "../wire/kv-responses-sent.ts";
import { type Service, unary } from "./method.ts";

/** Reads, writes and transactions. To the store all of them are transactions. */
export function kvService(store: EmbeddedEtcd): Service {
  return {
    Range: unary(
      decodeRangeRequest,
      // By itself, though not in a transaction, a range of a negative revision is one of now.
      ({ revision = 0n, ...rest }: RangeRequest) =>
        single<"range">(store, {
          op: "range",
          request: { ...rest, revision: revision < 0n ? 0n : revision },
        }),
      encodeRangeResponse,
    ),
    Put: unary(decodePutRequest, (request: PutRequest) => put(store, request), encodePutResponse),
    DeleteRange: unary(
      decodeDeleteRangeRequest,
      (request: DeleteRangeRequest) => single<"deleteRange">(store, { op: "deleteRange", request }),
      encodeDeleteRangeResponse,
    ),
    Txn: unary(decodeTxnRequest, (request) => store.txn(request), encodeTxnResponse),
    Compact: unary(
      decodeCompactionRequest,
      (revision) => store.compact(revision),
      encodeHeaderOnly,
    ),
  };
}

type Answer<Op extends ResponseOp["op"]> = Extract<ResponseOp, { op: Op }>["response"] & {
  readonly header: ResponseHeader;
};

/** Carries out one operation, as a transaction that has no other. */
async function single<Op extends Exclude<RequestOp["op"], "txn">>(
  store: EmbeddedEtcd,
  op: Extract<RequestOp, { op: Op }>,
): Promise<Answer<Op>> {
  const { header, responses } = await store.txn({ success: [op] });
  return { ...responses[0]?.response, header } as Answer<Op>;
}

/** By itself, unlike in a transaction, a put is refused for its lease before it is for its key. */
async function put(store: EmbeddedEtcd, request: PutRequest): Promise<Answer<"put">> {
  try {
    return await single<"put">(store, { op: "put", request });
  } catch (error) {
    const { lease } = request;
    if (lease && error instanceof StoreError && error.message === "etcdserver: key not found") {
      const { ttl } = await store.leaseTimeToLive({ id: lease });
      if (ttl < 0n) throw new StoreError("NOT_FOUND", "etcdserver: requested lease not found");
    }
    throw error;
  }
}
