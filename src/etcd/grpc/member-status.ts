import type { ResponseHeader } from "../api.ts";
import { decodeResponseHeader, emptyHeader } from "../wire/header-message.ts";
import type { ProtobufReader } from "../wire/protobuf-reader.ts";
import type { Method } from "./methods.ts";

/** A member of a cluster, as it sees itself. */
export interface MemberStatus {
  readonly header: ResponseHeader;
  readonly version: string;
  /** How large its database is, in bytes. */
  readonly dbSize: bigint;
  /** How much of that is in use. */
  readonly dbSizeInUse: bigint;
  /** The id of the member that leads; 0 for none. */
  readonly leader: bigint;
  /** Whether it only follows, and does not serve. */
  readonly isLearner: boolean;
  /** What is wrong in its own eyes: alarms, mostly. */
  readonly errors: readonly string[];
}

export const memberStatus: Method<undefined, MemberStatus> = {
  name: "Maintenance/Status",
  encode: () => {},
  decode: decodeMemberStatus,
};

function decodeMemberStatus(reader: ProtobufReader): MemberStatus {
  let header = emptyHeader;
  let version = "";
  let dbSize = 0n;
  let dbSizeInUse = 0n;
  let leader = 0n;
  let isLearner = false;
  const errors: string[] = [];
  while (reader.next()) {
    if (reader.field === 1) header = decodeResponseHeader(reader.message());
    else if (reader.field === 2) version = reader.string();
    else if (reader.field === 3) dbSize = reader.int64();
    else if (reader.field === 4) leader = reader.uint64();
    else if (reader.field === 8) errors.push(reader.string());
    else if (reader.field === 9) dbSizeInUse = reader.int64();
    else if (reader.field === 10) isLearner = reader.bool();
    else reader.skip();
  }
  return { header, version, dbSize, dbSizeInUse, leader, isLearner, errors };
}
