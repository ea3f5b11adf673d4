import type { Clock } from "../clock.ts";
import { type ServerOptions, startServer } from "../etcd/server/start-server.ts";

/** How to start an etcd for a test. */
export interface EtcdOptions {
  /** The port to listen on. @default 0, for one that is free */
  readonly port?: number | undefined;
  /** The address to listen on. @default "127.0.0.1" */
  readonly host?: string | undefined;
  /** What leases are timed by: with a clock of your own, a minute's lease ends in a moment. */
  readonly clock?: Clock | undefined;
  /** How many of the latest revisions can still be read and watched. @default 10_000 */
  readonly historyLimit?: number | undefined;
}

/** An etcd in this process, until it is stopped. */
export interface StartedEtcd extends AsyncDisposable {
  /** Where it listens, as `"127.0.0.1:port"`. */
  readonly address: string;
  /** The same with `http://`. */
  readonly url: string;
  /** Ends it with all that is in it, and all calls under way. Stopping twice does nothing. */
  stop(): Promise<void>;
}

/**
 * Starts an etcd for a test: its gRPC API on a port of this machine, served by this process from
 * memory. It takes some milliseconds, so that each test can have its own.
 *
 * It does not keep the process alive: one that nobody stops ends with the process.
 *
 * @throws {InvalidOptionError} when it cannot listen there; the message says what to do.
 */
export async function startEtcd(options: EtcdOptions = {}): Promise<StartedEtcd> {
  const { port = 0, host, clock, historyLimit } = options;
  const serverOptions: ServerOptions = { port, host, clock, historyLimit };
  const server = await startServer({ ...serverOptions, keepsProcessAlive: false });
  const stop = (): Promise<void> => server.close();
  return { address: server.address, url: server.url, stop, [Symbol.asyncDispose]: stop };
}
