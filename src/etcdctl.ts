import { readFileSync } from "node:fs";
import type { AuthOptions, ConnectOptions, TlsOptions } from "./connect-options.ts";
import { InvalidOptionError } from "./errors.ts";

/** Where to go, and as whom. */
export interface Way {
  readonly target: unknown;
  /** What errors call the target. */
  readonly targetOption: string;
  readonly tls?: TlsOptions | undefined;
  readonly auth?: AuthOptions | undefined;
}

/** Where etcdctl would go, and as whom. What the options say comes first. */
export function wayOfEtcdctl(
  env: NodeJS.ProcessEnv,
  options: Pick<ConnectOptions, "tls" | "auth">,
): Way {
  const { ETCDCTL_ENDPOINTS, ETCDCTL_USER, ETCDCTL_PASSWORD } = env;
  const target = ETCDCTL_ENDPOINTS || "127.0.0.1:2379";
  // Etcdctl does not use the files where an address says that it is for plain text.
  const isPlain = /^\s*http:/i.test(target);
  return {
    target,
    targetOption: ETCDCTL_ENDPOINTS ? "ETCDCTL_ENDPOINTS" : "target",
    tls: options.tls ?? (isPlain ? undefined : tlsOf(env)),
    auth: options.auth ?? userOf(ETCDCTL_USER, ETCDCTL_PASSWORD),
  };
}

/** Whether something is a text in PEM, as far as its first line says. */
export function isPem(pem: unknown): pem is string | Uint8Array {
  const isText = typeof pem === "string" || pem instanceof Uint8Array;
  return isText && Buffer.from(pem).includes("-----BEGIN ");
}

function tlsOf({
  ETCDCTL_CACERT,
  ETCDCTL_CERT,
  ETCDCTL_KEY,
}: NodeJS.ProcessEnv): TlsOptions | undefined {
  if (!ETCDCTL_CACERT && !ETCDCTL_CERT && !ETCDCTL_KEY) return undefined;
  if (!ETCDCTL_CERT !== !ETCDCTL_KEY) {
    const [missing, given] = ETCDCTL_CERT
      ? ["ETCDCTL_KEY", "ETCDCTL_CERT"]
      : ["ETCDCTL_CERT", "ETCDCTL_KEY"];
    throw new InvalidOptionError(missing, `given together with ${given}`, undefined);
  }
  return {
    ca: readPem("ETCDCTL_CACERT", ETCDCTL_CACERT),
    cert: readPem("ETCDCTL_CERT", ETCDCTL_CERT),
    key: readPem("ETCDCTL_KEY", ETCDCTL_KEY),
  };
}

/** Etcdctl takes "name:password", or the password by itself. */
function userOf(user: string | undefined, password: string | undefined): AuthOptions | undefined {
  if (!user) return undefined;
  if (password !== undefined && password !== "") return { username: user, password };
  const colon = user.indexOf(":");
  if (colon < 1) {
    const expected = '"name:password", or come with ETCDCTL_PASSWORD';
    // What stands behind a colon is a password, which is not for logs.
    throw new InvalidOptionError("ETCDCTL_USER", expected, colon < 0 ? user : "");
  }
  return { username: user.slice(0, colon), password: user.slice(colon + 1) };
}

function readPem(variable: string, path: string | undefined): string | undefined {
  if (!path) return undefined;
  let pem: string;
  try {
    pem = readFileSync(path, "utf8");
  } catch (cause) {
    throw new InvalidOptionError(variable, "the path of a file that can be read", path, { cause });
  }
  if (!isPem(pem)) throw new InvalidOptionError(variable, "the path of a PEM file", path);
  return pem;
}
