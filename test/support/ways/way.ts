import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { listenLocally } from "../listen-locally.ts";
import type { Random } from "../seeded-random.ts";
import { Lane } from "./lane.ts";
import type { Trouble } from "./trouble.ts";

/** What is wrong with the two directions of a connection. */
export interface Troubles {
  /** Of what is sent by whoever connected. */
  readonly requests: Trouble;
  /** Of what is sent to it. */
  readonly answers: Trouble;
}

/** Where a way leads, and what is wrong with it. */
export interface WayOptions {
  /** Host and port. */
  readonly target: string;
  readonly random: Random;
  /** Asked anew for each piece: by the first bytes of a connection it may tell who made it. */
  readonly troublesOf: (connection: Connection) => Troubles;
}

/** A connection as it goes through us. */
export class Connection {
  readonly inner: Socket;
  readonly outer: Socket;
  /** Who made it, once that is known. */
  source: string | undefined;
  readonly #lanes: readonly Lane[];

  constructor(inner: Socket, outer: Socket, { random, troublesOf }: WayOptions) {
    this.inner = inner;
    this.outer = outer;
    this.#lanes = [
      new Lane(inner, outer, () => troublesOf(this).requests, random),
      new Lane(outer, inner, () => troublesOf(this).answers, random),
    ];
  }

  look(): void {
    for (const lane of this.#lanes) lane.look();
  }

  /** Ends it for both sides by an RST, as a firewall does that has forgotten it. */
  reset(): void {
    for (const lane of this.#lanes) lane.drop();
    this.inner.resetAndDestroy();
    this.outer.resetAndDestroy();
  }
}

/** A way to a server through this process, which can be cut, slowed and shaken. */
export class Way {
  /** Host and port, for others to go by it. */
  readonly address: string;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();

  private constructor(
    server: Server,
    address: string,
    options: WayOptions,
    onInner: (one: Connection) => void,
  ) {
    this.#server = server;
    this.address = address;
    const [host = "", port] = options.target.split(":");
    server.on("connection", (inner) => {
      const outer = connect({ host, port: Number(port) });
      for (const socket of [inner, outer]) socket.setNoDelay(true);
      const connection = new Connection(inner, outer, options);
      this.#connections.add(connection);
      outer.once("close", () => this.#connections.delete(connection));
      onInner(connection);
    });
  }

  static async open(
    options: WayOptions,
    onInner: (connection: Connection) => void = () => {},
  ): Promise<Way> {
    const server = createServer();
    return new Way(server, await listenLocally(server), options, onInner);
  }

  /** Lets arrive what has nothing in its way any more. Call it after a trouble has ended. */
  look(): void {
    for (const connection of this.#connections) connection.look();
  }

  /** Ends all connections that there are, by an RST. */
  reset(): void {
    for (const connection of this.#connections) connection.reset();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.reset();
    await closed;
  }
}
