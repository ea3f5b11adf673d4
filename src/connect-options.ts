import type { Clock } from "./clock.ts";
import { type CloseEvent, checkCloseOn } from "./close-on.ts";
import {
  checkFilled,
  checkFlag,
  checkKnown,
  checkMethods,
  checkSpan,
  checkText,
} from "./core/options.ts";
import { InvalidOptionError } from "./errors.ts";
import type { Etcd } from "./etcd/api.ts";
import { isPem } from "./etcdctl.ts";

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
  /**
   * Whether an answered keepalive counts only once a write of the same term of etcd's leader, sent
   * after it, went through: one round trip more for each renewal, that is three per `ttlMs`.
   *
   * Without it a hold may be believed for too long in one case: a leader of etcd that was stopped
   * answers, when it goes on, a keepalive that it has no say in any more (up to 2.76 s with TTLs of
   * 5 to 6 s, measured). With it no hold is believed past the moment at which etcd ends its lease
   * for lack of renewal.
   *
   * @default false
   */
  readonly strict?: boolean | undefined;
  /**
   * Where leases are renewed: in the thread that connects, or in one of its own, with a connection of
   * its own. Then locks are kept while this thread computes, for as long as `stallMs`. See
   * docs/keepalive.md.
   *
   * @default "main"
   */
  readonly keepAlive?: "main" | "thread" | undefined;
  /**
   * With `keepAlive: "thread"`: for how long, in milliseconds, locks are kept without a sign of life
   * from the thread that holds them. It bounds for how long one that hangs keeps others out.
   *
   * @default 300_000
   */
  readonly stallMs?: number | undefined;
  /**
   * Upon what to close the client, which releases its locks. By default nothing is listened to.
   *
   * - A signal such as `"SIGTERM"`: `close` is called. When that is done, and nobody else listens to
   *   the signal, the process is ended by it, as it would have been.
   * - `"beforeExit"`: when the process has nothing else to do.
   * - `"exit"`: at its very end, after `process.exit` or an uncaught error. It needs `keepAlive:
   *   "thread"`, since nothing else runs then, and ends the leases within half a second, or not at all.
   *
   * Whatever kills the process at once leaves its locks to their leases.
   *
   * @default []
   */
  readonly closeOn?: readonly CloseEvent[] | undefined;
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

const optionNames = [
  "namespace",
  "ttlMs",
  "lockDelayMs",
  "strict",
  "keepAlive",
  "stallMs",
  "closeOn",
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

/** @throws {InvalidOptionError} when one of them is of no use. */
export function checkOptions(options: unknown): asserts options is ConnectOptions {
  checkKnown(options, optionNames);
  const { namespace, ttlMs, lockDelayMs, nodeId, tls, auth, callTimeoutMs, connectTimeoutMs } =
    options as ConnectOptions;
  const { store, clock, strict } = options as ConnectOptions;
  checkKeepAlive(options as ConnectOptions);
  if (strict !== undefined) checkFlag("strict", strict);
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
        // What is wrong of a key may be all that is, which is not for logs.
        option === "key" && typeof pem === "string" ? Object(pem) : pem,
      );
    }
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new InvalidOptionError("tls", "given both cert and key, or neither", tls);
  }
}

function checkKeepAlive({ keepAlive, stallMs, closeOn, store, clock }: ConnectOptions): void {
  if (keepAlive !== undefined && keepAlive !== "main" && keepAlive !== "thread") {
    throw new InvalidOptionError("keepAlive", '"main" or "thread"', keepAlive);
  }
  const isThread = keepAlive === "thread";
  // Another thread can't get at them.
  for (const [option, value] of Object.entries({ store, clock })) {
    if (isThread && value)
      throw new InvalidOptionError(option, 'left out with keepAlive: "thread"', value);
  }
  checkSpan("stallMs", stallMs);
  if (stallMs !== undefined && !isThread) {
    throw new InvalidOptionError("stallMs", 'left out without keepAlive: "thread"', stallMs);
  }
  checkCloseOn(closeOn, isThread);
}
