import { hostname } from "node:os";
import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";
import { randomLeaseId } from "./core/lease-id.ts";
import {
  checkFilled,
  checkKnown,
  checkMethods,
  checkSpan,
  checkText,
  isRecord,
} from "./core/options.ts";
import { InvalidOptionError } from "./errors.ts";
import type { Etcd } from "./etcd/api.ts";
import { isPem, wayOfEtcdctl } from "./etcdctl.ts";
import { Locks } from "./locks.ts";

/** How to speak TLS with etcd. All are PEM texts, not paths. */
export interface TlsOptions {
  /** The certificate of the authority that signed etcd's. @default the system's authorities */
  readonly ca?: string | Uint8Array | undefined;
  /** Our own certificate, where etcd asks for one. It goes together with `key`. */
  readonly cert?: string | Uint8Array | undefined;
  /** The private key of `cert`. */
  readonly key?: string | Uint8Array | undefined;
}

/** Who we are to etcd, where it has authentication enabled. */
export interface AuthOptions {
  /** A user with a role that may read and write the keys that begin with `namespace`. */
  readonly username: string;
  /** The user's password. It goes only to etcd, in plain text unless TLS is spoken. */
  readonly password: string;
}

/** What `connect` takes. */
export interface ConnectOptions {
  /**
   * What the keys of all locks begin with in etcd. Clients of one namespace take turns; ""
   * shares plain names with Go and etcdctl. At most 4,096 bytes.
   *
   * @default "microlock/"
   */
  readonly namespace?: string | undefined;
  /**
   * How long, in milliseconds, locks outlive a process that dies or loses touch with etcd.
   * Etcd counts in whole seconds, and grants no less than about 2 s with its default
   * settings: what it grants counts.
   *
   * @default 15_000
   */
  readonly ttlMs?: number | undefined;
  /**
   * How long, in milliseconds, nobody gets in after a hold that was not released, because its
   * process died, was stopped, or lost touch with etcd: time for its last writes to arrive where no
   * token is checked. After a release the next one gets in at once. It comes on top of `ttlMs`
   * until somebody else gets in; etcd counts the sum of both in whole seconds.
   *
   * @default 0
   */
  readonly lockDelayMs?: number | undefined;
  /** What others see as the holder: at most 4,096 bytes. @default the host's name and the process id, "web-1:4242" */
  readonly nodeId?: string | undefined;
  /** How to speak TLS, with all endpoints. Endpoints that begin with `https://` speak it in any case. */
  readonly tls?: TlsOptions | undefined;
  /** Who we are, where etcd has authentication enabled. An etcd that has not ignores it. */
  readonly auth?: AuthOptions | undefined;
  /**
   * How long, in milliseconds, a call keeps asking when etcd does not answer.
   *
   * @default 5_000
   */
  readonly callTimeoutMs?: number | undefined;
  /**
   * How long, in milliseconds, one endpoint may take to accept a connection before the next one
   * is tried.
   *
   * @default 1_000
   */
  readonly connectTimeoutMs?: number | undefined;
  /** A store of your own, instead of a target. The client does not close it. */
  readonly store?: Etcd | undefined;
  /**
   * Where the client takes the time from, in tests. It goes with a `store` on the same clock.
   *
   * @default the process's monotonic clock
   */
  readonly clock?: Clock | undefined;
  /** @internal What the ids of leases are drawn by, if not by chance: so that a run can be repeated. */
  readonly newLeaseId?: (() => bigint) | undefined;
  /** @internal Where etcdctl's variables are read from, if not from the process's environment. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/**
 * Where etcd is: `"host:port"`, several of them separated by commas or in an array,
 * `"https://host:port"`, or `"memory:"` for the embedded store, which all clients of this
 * process share and nobody else sees. `"memory:name"` is another one of them.
 */
export type Target = string | readonly string[];

const optionNames = [
  "namespace",
  "ttlMs",
  "lockDelayMs",
  "nodeId",
  "tls",
  "auth",
  "callTimeoutMs",
  "connectTimeoutMs",
  "store",
  "clock",
  "newLeaseId",
  "env",
] as const;

/**
 * Connects to etcd, signs in, and opens a session, so that what is wrong is said here and
 * now. Make one client for a process and share it: it holds any number of locks.
 *
 * Without a target it goes where etcdctl would: `ETCDCTL_ENDPOINTS`, `ETCDCTL_CACERT`,
 * `ETCDCTL_CERT`, `ETCDCTL_KEY`, `ETCDCTL_USER` and `ETCDCTL_PASSWORD`, else `127.0.0.1:2379`.
 *
 * ```ts
 * const locks = await connect("etcd-1:2379,etcd-2:2379,etcd-3:2379", { ttlMs: 10_000 });
 * ```
 *
 * @throws {InvalidOptionError} when the target or an option is not what it should be.
 * @throws {StoreUnavailableError} when no etcd answers. It says what each endpoint said.
 * @throws {StoreDeniedError} when the password is wrong, the user may not use the namespace,
 *   or a certificate does not fit.
 * @throws {StoreError} with code `STORE_UNSUPPORTED` when what answers is no etcd, or one that
 *   is older than 3.4.
 */
export async function connect(target?: Target, options?: ConnectOptions): Promise<Locks>;
/** The same without a target: it goes where etcdctl would. */
export async function connect(options: ConnectOptions): Promise<Locks>;
export async function connect(...args: unknown[]): Promise<Locks> {
  const [target, given] = isRecord(args[0]) ? [undefined, args[0]] : [args[0], args[1]];
  const options = given === undefined ? {} : given;
  checkOptions(options);
  const { namespace = "microlock/", ttlMs = 15_000, callTimeoutMs = 5_000 } = options;
  const { lockDelayMs = 0, newLeaseId = randomLeaseId } = options;
  const { clock = systemClock, nodeId = `${hostname()}:${process.pid}` } = options;
  const { etcd, disconnect } = await openStore(target, { ...options, callTimeoutMs });
  return new Locks({
    etcd,
    disconnect,
    namespace,
    ttlMs,
    lockDelayMs,
    callTimeoutMs,
    clock,
    newLeaseId,
    identity: { nodeId, host: hostname(), pid: process.pid },
  }).open();
}

interface Connection {
  readonly etcd: Etcd;
  readonly disconnect: () => Promise<void>;
}

async function openStore(
  target: unknown,
  options: ConnectOptions & { callTimeoutMs: number },
): Promise<Connection> {
  const { store, callTimeoutMs, clock } = options;
  if (store) {
    if (target !== undefined)
      throw new InvalidOptionError("target", "left out with a store", target);
    return { etcd: store, disconnect: async () => {} };
  }
  if (typeof target === "string" && target.startsWith("memory:")) {
    return { etcd: await embeddedStore(target, options), disconnect: async () => {} };
  }
  const way =
    target === undefined
      ? wayOfEtcdctl(options.env ?? process.env, options)
      : { ...options, target, targetOption: "target" };
  const endpoints = endpointsOf(way.target);
  // biome-ignore lint/style/noRestrictedImports: now it is asked for.
  const { GrpcEtcd } = await import("./etcd/grpc/grpc-etcd.ts");
  const { auth, targetOption } = way;
  const tls = way.tls && {
    ca: textOfPem(way.tls.ca),
    cert: textOfPem(way.tls.cert),
    key: textOfPem(way.tls.key),
  };
  const etcd = new GrpcEtcd({
    endpoints,
    endpointsOption: targetOption,
    tls,
    auth,
    callTimeoutMs,
    connectTimeoutMs: options.connectTimeoutMs,
    clock,
    // Many clients spread over the members of the cluster.
    random: Math.random,
  });
  return { etcd, disconnect: () => etcd.close() };
}

// One store for the life of the process: a fresh one would begin to count tokens anew.
const embeddedStores = new Map<string, Etcd>();

async function embeddedStore(target: string, options: ConnectOptions): Promise<Etcd> {
  const { tls, auth, clock } = options;
  for (const [option, value] of Object.entries({ tls, auth, clock })) {
    if (value) throw new InvalidOptionError(option, 'left out with "memory:"', value);
  }
  // biome-ignore lint/style/noRestrictedImports: now it is asked for.
  const { EmbeddedEtcd } = await import("./etcd/embedded/embedded-etcd.ts");
  const known = embeddedStores.get(target);
  if (known) return known;
  const store = new EmbeddedEtcd();
  embeddedStores.set(target, store);
  return store;
}

function textOfPem(pem: string | Uint8Array | undefined): string | undefined {
  return pem && Buffer.from(pem).toString();
}

function endpointsOf(target: unknown): readonly string[] {
  const parts = typeof target === "string" ? target.split(",") : target;
  if (
    !Array.isArray(parts) ||
    parts.length === 0 ||
    !parts.every((part) => typeof part === "string")
  ) {
    throw new InvalidOptionError(
      "target",
      'like "host:port", an array of such, or "memory:"',
      target,
    );
  }
  return parts.map((part) => part.trim());
}

function checkOptions(options: unknown): asserts options is ConnectOptions {
  checkKnown(options, optionNames);
  const { namespace, ttlMs, lockDelayMs, nodeId, tls, auth, callTimeoutMs, connectTimeoutMs } =
    options as ConnectOptions;
  const { store, clock } = options as ConnectOptions;
  checkText("namespace", namespace);
  if (nodeId !== undefined) checkFilled("nodeId", nodeId);
  checkSpan("ttlMs", ttlMs);
  checkSpan("lockDelayMs", lockDelayMs, 0);
  checkSpan("callTimeoutMs", callTimeoutMs);
  checkSpan("connectTimeoutMs", connectTimeoutMs);
  if (tls !== undefined) checkTls(tls);
  checkMethods("store", store, ["txn", "leaseGrant", "leaseKeepAlive", "leaseRevoke", "watch"]);
  checkMethods("clock", clock, ["now", "wallTime", "setTimer"]);
  if (auth !== undefined) {
    // A text may well have the password in it, which is not for logs.
    if (typeof auth === "string") {
      throw new InvalidOptionError("auth", "an object, not a string", Object(auth));
    }
    checkKnown(auth, ["username", "password"], "auth");
    checkFilled("auth.username", auth.username);
    checkText("auth.password", auth.password ?? null);
  }
}

function checkTls(tls: TlsOptions): void {
  checkKnown(tls, ["ca", "cert", "key"], "tls");
  for (const [option, pem] of Object.entries(tls)) {
    if (pem !== undefined && !isPem(pem)) {
      throw new InvalidOptionError(
        `tls.${option}`,
        "a PEM text (not a path), as a string or bytes",
        pem,
      );
    }
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new InvalidOptionError("tls", "given both cert and key, or neither", tls);
  }
}
