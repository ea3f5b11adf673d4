// Options of etcdctl that we have not got, and what to write instead.
const instead: Readonly<Record<string, string>> = {
  "--insecure-skip-tls-verify":
    "microlock always checks etcd's certificate: name the authority that signed it by --cacert",
  "--insecure-transport":
    "write http:// or https:// before the endpoints instead of --insecure-transport",
  "--keepalive-time": "there is no --keepalive-time: microlock looks after its connections itself",
  "--keepalive-timeout":
    "there is no --keepalive-timeout: microlock looks after its connections itself",
  "--discovery-srv": "there is no --discovery-srv: name the members by --endpoints",
  "--write-out": "there is no --write-out: --json writes JSON",
};

/** What to say of an option of etcdctl's that we have not got; undefined if there is none. */
export function unsupported(args: readonly string[]): string | undefined {
  for (const arg of args) {
    const [name = ""] = arg.split("=");
    if (Object.hasOwn(instead, name)) return instead[name];
  }
  return undefined;
}
