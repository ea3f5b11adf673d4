import type { ProtobufReader } from "./protobuf-reader.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";

/** A user of etcd. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export function encodeAuthenticateRequest(request: Credentials, writer: ProtobufWriter): void {
  writer.string(1, request.username);
  writer.string(2, request.password);
}

/** Decodes the answer to a sign-in: the token. */
export function decodeAuthenticateResponse(reader: ProtobufReader): string {
  let token = "";
  while (reader.next()) {
    if (reader.field === 2) token = reader.string();
    else reader.skip();
  }
  return token;
}
