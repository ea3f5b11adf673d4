import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A way to a server that can be cut without a word, as when a cable is pulled. */
export class TcpProxy {
  readonly endpoint: string;
  /** How many connections came in. */
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isHeld = false;

  private constructor(server: Server, target: string) {
    this.#server = server;
    this.endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const [host, port] = target.split(":");
    server.on("connection", (inner) => {
      this.connections++;
      const outer = connect({ host: host as string, port: Number(port) });
      this.#join(inner, outer);
      this.#join(outer, inner);
    });
  }

  static async start(target: string): Promise<TcpProxy> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TcpProxy(server, target);
  }

  /** From now on nothing comes through, in either direction. */
  hold(): void {
    this.#isHeld = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Everything comes through again, what was held too. */
  release(): void {
    this.#isHeld = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("data", (chunk) => to.write(chunk));
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    if (this.#isHeld) from.pause();
  }
}
