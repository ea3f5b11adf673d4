import { type Clock, systemClock } from "../../clock.ts";
import type {
  CallOptions,
  CompactResponse,
  Etcd,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveResponse,
  LeaseRevokeResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
  TxnRequest,
  TxnResponse,
  Watch,
  WatchObserver,
  WatchRequest,
} from "../api.ts";
import type { Credentials } from "../wire/auth-messages.ts";
import { Calls, type Route } from "./calls.ts";
import { Channel } from "./channel.ts";
import { parseEndpoints } from "./endpoints.ts";
import * as methods from "./methods.ts";
import { openConnection } from "./open-connection.ts";
import { warnOfVersion } from "./server-version.ts";
import { SignIn } from "./sign-in.ts";
import { checkTls, type TlsOptions } from "./tls-options.ts";
import { Watches } from "./watches.ts";

// Whoever connects has something to ask first.
const versionAfterMs = 100;

/** How to reach an etcd cluster. */
export interface GrpcEtcdOptions {
  /** The members of one cluster, each as `host:port`, `http://host:port` or `https://host:port`. */
  readonly endpoints: readonly string[];
  /** What errors call them. @default "target" */
  readonly endpointsOption?: string | undefined;
  /** Encrypts the connection; so does `https://`. */
  readonly tls?: TlsOptions | undefined;
  /** Signs in, where etcd has users. */
  readonly auth?: Credentials | undefined;
  /**
   * How long one endpoint may take to accept a connection, before the next one is tried.
   *
   * @default 1_000
   */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * How long a call may take that brings no `timeoutMs` of its own.
   *
   * @default 5_000
   */
  readonly callTimeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
  /**
   * Which endpoint to begin with, as a number from 0 up to 1: `Math.random` spreads many
   * clients over the cluster.
   *
   * @default the first one listed
   */
  readonly random?: (() => number) | undefined;
}

/**
 * Etcd, over gRPC. It connects when first asked for something.
 *
 * Keepalives and watches have a connection of their own, so that a large transaction cannot
 * make a lease run out. An endpoint that does not answer in time is left for the next one.
 * Only a call under way keeps the process alive.
 */
export class GrpcEtcd implements Etcd {
  readonly #calls: Calls;
  readonly #watches: Watches;
  readonly #channels: readonly Channel[];
  /** Transactions, and whatever else is not urgent by the second. */
  readonly #requests: Route;
  /** Keepalives and watches. */
  readonly #streams: Route;

  /** @throws {InvalidOptionError} when the endpoints are none, or `tls` is of no use. */
  constructor(options: GrpcEtcdOptions) {
    const { auth, connectTimeoutMs = 1_000, callTimeoutMs = 5_000, clock = systemClock } = options;
    const endpoints = parseEndpoints(options.endpoints, options.endpointsOption);
    const isSecure = options.tls !== undefined || endpoints.some(({ secure }) => secure === true);
    if (options.tls) checkTls(options.tls, endpoints);
    const tls = isSecure ? (options.tls ?? {}) : undefined;
    const first = Math.floor((options.random?.() ?? 0) * endpoints.length);

    const open = (): Channel =>
      new Channel(endpoints, first, clock, (endpoint, signal) =>
        openConnection(endpoint, { clock, timeoutMs: connectTimeoutMs, tls, signal }),
      );
    const requests = open();
    const streams = open();
    this.#channels = [requests, streams];
    this.#calls = new Calls(clock, callTimeoutMs);
    const signIn = auth && new SignIn(clock, () => this.#authenticate(requests, auth));
    const user = auth?.username;
    this.#requests = { channel: requests, signIn, user };
    this.#streams = { channel: streams, signIn, user };
    this.#watches = new Watches(this.#streams, clock);
    requests.onFirstConnection = () =>
      clock.setTimer(versionAfterMs, () => this.#lookAtVersion(), { keepsProcessAlive: false });
  }

  txn(request: TxnRequest, options?: CallOptions): Promise<TxnResponse> {
    return this.#calls.call(this.#requests, methods.txn, request, options);
  }

  compact(revision: bigint, options?: CallOptions): Promise<CompactResponse> {
    return this.#calls.call(this.#requests, methods.compact, revision, options);
  }

  leaseGrant(request: LeaseGrantRequest, options?: CallOptions): Promise<LeaseGrantResponse> {
    return this.#calls.call(this.#requests, methods.leaseGrant, request, options);
  }

  leaseKeepAlive(id: bigint, options?: CallOptions): Promise<LeaseKeepAliveResponse> {
    return this.#calls.call(this.#streams, methods.leaseKeepAlive, id, options);
  }

  leaseRevoke(id: bigint, options?: CallOptions): Promise<LeaseRevokeResponse> {
    return this.#calls.call(this.#requests, methods.leaseRevoke, id, options);
  }

  leaseTimeToLive(
    request: LeaseTimeToLiveRequest,
    options?: CallOptions,
  ): Promise<LeaseTimeToLiveResponse> {
    return this.#calls.call(this.#requests, methods.leaseTimeToLive, request, options);
  }

  watch(request: WatchRequest, observer: WatchObserver): Watch {
    return this.#watches.watch(request, observer);
  }

  async close(): Promise<void> {
    this.#calls.close();
    const channels = this.#channels.map((channel) => channel.close());
    await Promise.all([this.#watches.close(), ...channels]);
  }

  #authenticate(channel: Channel, credentials: Credentials): Promise<string> {
    // Whoever waits for the token keeps the process alive.
    const route = { channel, user: credentials.username };
    return this.#calls.call(route, methods.authenticate, credentials, {
      keepsProcessAlive: false,
    });
  }

  #lookAtVersion(): void {
    this.#calls
      .call(this.#requests, methods.status, undefined, { keepsProcessAlive: false })
      .then(warnOfVersion)
      // Not worth a word: whatever is wrong, those who asked for something will hear of it.
      .catch(() => {});
  }
}
