import { isIPv6 } from "node:net";
import { type Clock, systemClock } from "../../clock.ts";
import { InvalidOptionError } from "../../errors.ts";
import { EmbeddedEtcd } from "../embedded/embedded-etcd.ts";
import { authService } from "./auth-service.ts";
import { clusterService } from "./cluster-service.ts";
import { GrpcServer } from "./grpc-server.ts";
import { healthService } from "./health-service.ts";
import { kvService } from "./kv-service.ts";
import { leaseService } from "./lease-service.ts";
import { maintenanceService } from "./maintenance-service.ts";
import { watchService } from "./watch-service.ts";

/** How to serve an embedded store. */
export interface ServerOptions {
  /**
   * The address to listen on. Whoever can reach it can do everything: there are no users, and
   * nothing is encrypted.
   *
   * @default "127.0.0.1"
   */
  readonly host?: string | undefined;
  /** The port to listen on; 0 for one that is free. @default 2379, as etcd's */
  readonly port?: number | undefined;
  /** What leases are timed by. Connections go by the system's clock. @default the system's clock */
  readonly clock?: Clock | undefined;
  /** How many of the latest revisions can still be read and watched. @default 10_000 */
  readonly historyLimit?: number | undefined;
  /** Whether the process stays alive for as long as the server listens. @default true */
  readonly keepsProcessAlive?: boolean | undefined;
  /** How long a client may be silent before it is asked whether it is still there. @default 60_000 */
  readonly keepaliveMs?: number | undefined;
  /** How long it may then take to answer, before its watches are closed. @default 20_000 */
  readonly keepaliveTimeoutMs?: number | undefined;
  /** How often a watch that has nothing to tell says so, if it was asked to. @default 600_000 */
  readonly progressMs?: number | undefined;
}

/** How much a server has to do with. */
export interface ServerCounts {
  readonly keys: number;
  readonly leases: number;
  readonly watches: number;
  readonly connections: number;
  /** Calls under way, streams among them. */
  readonly calls: number;
  /** Timers that the store has set. */
  readonly timers: number;
}

/** A server that listens. */
export interface EtcdServer {
  readonly host: string;
  readonly port: number;
  /** Host and port, as clients of etcd take them. */
  readonly address: string;
  /** The same with `http://`. */
  readonly url: string;
  counts(): ServerCounts;
  /** Ends all calls with UNAVAILABLE, and resolves when no socket and no timer is left. */
  close(): Promise<void>;
}

/**
 * Puts an embedded store of its own behind etcd's API: one process, without replication, with
 * nothing on disk.
 *
 * @throws {InvalidOptionError} when it cannot listen there; the message says what to do.
 */
export async function startServer(options: ServerOptions = {}): Promise<EtcdServer> {
  const { host = "127.0.0.1", port = 2379, keepsProcessAlive = true } = options;
  const { keepaliveMs = 60_000, keepaliveTimeoutMs = 20_000, progressMs = 600_000 } = options;
  if (typeof host !== "string" || host === "") {
    throw new InvalidOptionError("host", "an address of this machine", host);
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new InvalidOptionError("port", "an integer from 0 to 65535", port);
  }
  const store = new EmbeddedEtcd({ clock: options.clock, historyLimit: options.historyLimit });
  let url = "";
  const server = new GrpcServer({
    clock: systemClock,
    keepaliveMs,
    keepaliveTimeoutMs,
    services: {
      "etcdserverpb.KV": kvService(store),
      "etcdserverpb.Lease": leaseService(store),
      "etcdserverpb.Watch": watchService(store, { clock: systemClock, progressMs }),
      "etcdserverpb.Maintenance": maintenanceService(store),
      "etcdserverpb.Cluster": clusterService(store, () => url),
      "etcdserverpb.Auth": authService(store),
      "grpc.health.v1.Health": healthService,
    },
  });
  const listening = await server.listen({ host, port, keepsProcessAlive });
  const address = `${isIPv6(host) ? `[${host}]` : host}:${listening.port}`;
  url = `http://${address}`;
  let closing: Promise<void> | undefined;
  return {
    host,
    port: listening.port,
    address,
    url,
    counts: () => ({
      keys: store.keyCount,
      leases: store.leaseCount,
      watches: store.watchCount,
      connections: server.connectionCount,
      calls: server.callCount,
      timers: store.timerCount,
    }),
    close() {
      closing ??= server.close().then(() => store.close());
      return closing;
    },
  };
}
