import { hostname } from "node:os";
import { systemClock } from "./clock.ts";
import { listenToEnd } from "./close-on.ts";
import { type ConnectOptions, checkOptions } from "./connect-options.ts";
import { randomLeaseId } from "./core/lease-id.ts";
import { isRecord } from "./core/options.ts";
import { InvalidOptionError } from "./errors.ts";
import type { Etcd } from "./etcd/api.ts";
import { wayOfEtcdctl } from "./etcdctl.ts";
import type {
  KeepAliveThread,
  KeepAliveThreadOptions,
} from "./keepalive-thread/keepalive-thread.ts";
import { Locks } from "./locks.ts";

/**
 * Where etcd is: `"host:port"`, several of them separated by commas or in an array,
 * `"https://host:port"`, or `"memory:"` for the embedded store, which all clients of this
 * process share and nobody else sees. `"memory:name"` is another one of them.
 */
export type Target = string | readonly string[];

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
  const { lockDelayMs = 0, strict = false, closeOn = [] } = options;
  const { newLeaseId = randomLeaseId } = options;
  const { clock = systemClock, nodeId = `${hostname()}:${process.pid}` } = options;
  const connection = await openStore(target, { ...options, namespace, strict, callTimeoutMs });
  const { etcd, thread } = connection;
  const locks = new Locks({
    etcd,
    disconnect: async () => {
      stopListening();
      await Promise.all([connection.disconnect(), thread?.close()]);
    },
    keepAlive: thread?.keep,
    namespace,
    ttlMs,
    lockDelayMs,
    strict,
    callTimeoutMs,
    clock,
    newLeaseId,
    identity: { nodeId, host: hostname(), pid: process.pid },
  });
  const stopListening = listenToEnd(closeOn, {
    close: () => locks.close(),
    end: () => thread?.end(),
  });
  return locks.open();
}

interface Connection {
  readonly etcd: Etcd;
  readonly thread?: KeepAliveThread | undefined;
  readonly disconnect: () => Promise<void>;
}

interface StoreOptions extends ConnectOptions {
  readonly namespace: string;
  readonly strict: boolean;
  readonly callTimeoutMs: number;
}

async function openStore(target: unknown, options: StoreOptions): Promise<Connection> {
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
  const grpc = { endpoints, tls, auth, callTimeoutMs, connectTimeoutMs: options.connectTimeoutMs };
  const etcd = new GrpcEtcd({
    ...grpc,
    endpointsOption: targetOption,
    clock,
    // Many clients spread over the members of the cluster.
    random: Math.random,
  });
  const thread =
    options.keepAlive === "thread" ? await startThread(grpc, etcd, options) : undefined;
  return { etcd, thread, disconnect: () => etcd.close() };
}

async function startThread(
  etcd: KeepAliveThreadOptions["etcd"],
  ownEtcd: Etcd,
  { namespace, strict, stallMs = 300_000 }: StoreOptions,
): Promise<KeepAliveThread> {
  const { KeepAliveThread } = await import("./keepalive-thread/keepalive-thread.ts");
  return KeepAliveThread.start({ etcd, ownEtcd, namespace, strict, stallMs });
}

// One store for the life of the process: a fresh one would begin to count tokens anew.
const embeddedStores = new Map<string, Etcd>();

async function embeddedStore(target: string, options: ConnectOptions): Promise<Etcd> {
  const { tls, auth, clock } = options;
  const keepAlive = options.keepAlive === "thread" && options.keepAlive;
  for (const [option, value] of Object.entries({ tls, auth, clock, keepAlive })) {
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
