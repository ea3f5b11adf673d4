import { connectFailure } from "./connect-failure.ts";
import type { Connection } from "./connection.ts";
import type { Endpoint } from "./endpoints.ts";
import { type ConnectFailure, NoConnection } from "./failures.ts";

/** Opens one connection to one endpoint. */
export type Opener = (endpoint: Endpoint, signal: AbortSignal) => Promise<Connection>;

/**
 * Keeps one connection to a cluster: to whichever endpoint answers, until it no longer does,
 * then to the next one.
 */
export class Channel {
  /** The endpoints, as errors name them. */
  readonly endpoints: string;
  readonly #endpoints: readonly Endpoint[];
  readonly #open: Opener;
  readonly #closing = new AbortController();
  /** All that have a socket, retired ones too. */
  readonly #connections = new Set<Connection>();
  #current: Connection | undefined;
  #connecting: Promise<Connection> | undefined;
  /** Where the next attempt begins. */
  #first: number;
  readonly #known = new Set<Endpoint>();
  /** Called when an endpoint was reached for the first time. */
  onFirstConnection: () => void = () => {};

  constructor(endpoints: readonly Endpoint[], first: number, open: Opener) {
    this.endpoints = endpoints.map(({ name }) => name).join(", ");
    this.#endpoints = endpoints;
    this.#first = first;
    this.#open = open;
  }

  /** How many endpoints there are. */
  get size(): number {
    return this.#endpoints.length;
  }

  /** The connection that is open, if one is. */
  get current(): Connection | undefined {
    return this.#current?.isUsable ? this.#current : undefined;
  }

  /**
   * The connection that is open, or a new one. Tries every endpoint once, beginning behind
   * the one that was used last; all who wait share one attempt.
   *
   * @throws {NoConnection} when none will do.
   */
  connect(): Promise<Connection> {
    const { current } = this;
    if (current) return Promise.resolve(current);
    this.#connecting ??= this.#tryAll().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** Ends all connections at once, and resolves when their sockets are gone. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#connecting?.catch(() => {});
    const connections = [...this.#connections];
    for (const connection of connections) connection.destroy("The store is closed");
    await Promise.all(connections.map(({ closed }) => closed));
  }

  async #tryAll(): Promise<Connection> {
    const failures: ConnectFailure[] = [];
    for (let attempt = 0; attempt < this.#endpoints.length; attempt++) {
      const at = (this.#first + attempt) % this.#endpoints.length;
      const endpoint = this.#endpoints[at] as Endpoint;
      try {
        const connection = await this.#open(endpoint, this.#closing.signal);
        this.#adopt(connection, at);
        return connection;
      } catch (error) {
        failures.push(connectFailure(endpoint, error));
        if (this.#closing.signal.aborted) break;
      }
    }
    throw new NoConnection(failures);
  }

  #adopt(connection: Connection, at: number): void {
    this.#current = connection;
    this.#connections.add(connection);
    connection.closed.then(() => this.#connections.delete(connection));
    const { endpoint } = connection;
    if (!this.#known.has(endpoint)) {
      this.#known.add(endpoint);
      queueMicrotask(() => this.onFirstConnection());
    }
    // Whatever ends it, the next attempt begins elsewhere.
    this.#first = at;
    connection.onRetire(() => {
      if (this.#first === at) this.#first = (at + 1) % this.#endpoints.length;
    });
  }
}
