import type { ResponseHeader } from "../api.ts";
import type { EmbeddedEtcd } from "../embedded/embedded-etcd.ts";
import { writeHeader } from "../wire/header-message.ts";
import type { ProtobufWriter } from "../wire/protobuf-writer.ts";
import { refused, type Service, unary } from "./method.ts";

/** The cluster: one member, which is this server. */
export function clusterService(store: EmbeddedEtcd, url: () => string): Service {
  const notFound = refused("NOT_FOUND", "etcdserver: member not found");
  return {
    MemberList: unary(
      () => undefined,
      () => ({ header: store.header, url: url() }),
      encodeMemberList,
    ),
    MemberAdd: refused(
      "UNIMPLEMENTED",
      "microlock: this is one process without replication, and takes no members",
    ),
    MemberRemove: notFound,
    MemberUpdate: notFound,
    MemberPromote: notFound,
  };
}

function encodeMemberList(
  { header, url }: { readonly header: ResponseHeader; readonly url: string },
  writer: ProtobufWriter,
): void {
  writeHeader(writer, header);
  writer.message(2, url, (url) => {
    writer.uint64(1, header.memberId);
    writer.string(2, "microlock");
    writer.string(4, url);
  });
}
