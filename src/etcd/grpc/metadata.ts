/** The headers of a call. `name` is the method as etcd names it: `KV/Txn`. */
export function requestHeaders(name: string, token: string | undefined): Record<string, string> {
  return {
    ":method": "POST",
    ":path": `/etcdserverpb.${name}`,
    "content-type": "application/grpc",
    te: "trailers",
    "user-agent": "microlock",
    // A member that is cut off from the others then says so, instead of letting us wait.
    hasleader: "true",
    ...(token === undefined ? {} : { token }),
  };
}
