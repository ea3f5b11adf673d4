import type { Clock } from "../../clock.ts";
import { onAbort } from "../../signals.ts";
import { connectFailure } from "./connect-failure.ts";
import type { Connection } from "./connection.ts";
import type { Endpoint } from "./endpoints.ts";
import { type ConnectFailure, NoConnection } from "./failures.ts";

/** Opens one connection to one endpoint. */
export type Opener = (endpoint: Endpoint, signal: AbortSignal) => Promise<Connection>;

// A member that was stopped takes connections, but says nothing: whoever wants to go on does not wait
// for it alone. One that is far away has long answered by then.
const staggerMs = 250;
// What was dialled while the way was cut may never hear that it is whole again, and is waited for until
// its time is over: so each is dialled once more meanwhile.
const againMs = 500;

/**
 * Keeps one connection to a cluster: to whichever endpoint answers, until it no longer does,
 * then to the next one.
 */
export class Channel {
  /** The endpoints, as errors name them. */
  readonly endpoints: string;
  readonly #endpoints: readonly Endpoint[];
  readonly #open: Opener;
  readonly #clock: Clock;
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

  constructor(endpoints: readonly Endpoint[], first: number, clock: Clock, open: Opener) {
    this.endpoints = endpoints.map(({ name }) => name).join(", ");
    this.#endpoints = endpoints;
    this.#first = first;
    this.#clock = clock;
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
   * The connection that is open, or a new one. Tries every endpoint, beginning behind the one that
   * was used last, and the next one along with it when that takes its time, and each a second time
   * while none has answered; all who wait share one attempt.
   *
   * @throws {NoConnection} when each has failed the first time.
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

  #tryAll(): Promise<Connection> {
    const count = this.#endpoints.length;
    const { signal: closing } = this.#closing;
    const over = new AbortController();
    const stopFollowing = onAbort(closing, () => over.abort());
    const failures: (ConnectFailure | undefined)[] = [];
    let tried = 0;
    let failed = 0;
    let stopTimer = (): void => {};
    const trying = new Promise<Connection>((resolve, reject) => {
      const tryNext = (): void => {
        stopTimer();
        const order = tried;
        if (order === 2 * count) return;
        const at = (this.#first + order) % count;
        const endpoint = this.#endpoints[at] as Endpoint;
        tried += 1;
        stopTimer = this.#clock.setTimer(tried < count ? staggerMs : againMs, tryNext, {
          keepsProcessAlive: false,
        });
        this.#open(endpoint, over.signal).then(
          (connection) => {
            if (over.signal.aborted) connection.destroy();
            else resolve(this.#adopt(connection, at));
            over.abort();
          },
          (error) => {
            if (order >= count) return;
            failures[order] = connectFailure(endpoint, error);
            failed += 1;
            if (closing.aborted || failed === count) {
              reject(new NoConnection(failures.filter((each) => each !== undefined)));
              over.abort();
            } else if (tried < count && !over.signal.aborted) tryNext();
          },
        );
      };
      tryNext();
    });
    return trying.finally(() => {
      stopTimer();
      stopFollowing();
    });
  }

  #adopt(connection: Connection, at: number): Connection {
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
    return connection;
  }
}
