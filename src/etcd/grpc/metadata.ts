/** A call, as far as its headers tell. */
export interface CallHead {
  /** The method as etcd names it: `KV/Txn`. */
  readonly method: string;
  /** Who we are, where etcd has users. */
  readonly token: string | undefined;
}

/** The headers of a call to `authority`, which is a host and a port. */
export function requestHeaders(
  authority: string,
  { method, token }: CallHead,
): Record<string, string> {
  const headers: Record<string, string> = {
    ":authority": authority,
    ":method": "POST",
    ":path": `/etcdserverpb.${method}`,
    "content-type": "application/grpc",
    te: "trailers",
    "user-agent": "microlock",
    // A member that is cut off from the others then says so, instead of letting us wait.
    hasleader: "true",
  };
  if (token !== undefined) headers["token"] = token;
  return headers;
}
