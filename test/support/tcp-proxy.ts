import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { listenLocally } from "./listen-locally.ts";

/** A direction, or both: what a client sends, or what it is sent. */
export type Direction = "requests" | "answers" | "both";

/** One direction of one connection. */
interface Lane {
  readonly direction: Exclude<Direction, "both">;
  readonly from: Socket;
  isSilent: boolean;
  /** Resolves when all that was sent before has arrived: nothing overtakes it. */
  arrived: Promise<void>;
}

/** A way to a server that can be cut without a word, as when a cable is pulled. */
export class TcpProxy {
  readonly endpoint: string;
  /** How many connections came in. */
  connections = 0;
  readonly #server: Server;
  readonly #lanes = new Set<Lane>();
  #held: Direction | undefined;
  #delayMs: () => number = () => 0;

  private constructor(server: Server, endpoint: string, target: string) {
    this.#server = server;
    this.endpoint = endpoint;
    const [host, port] = target.split(":");
    server.on("connection", (inner) => {
      this.connections++;
      const outer = connect({ host: host as string, port: Number(port) });
      this.#join("requests", inner, outer);
      this.#join("answers", outer, inner);
    });
  }

  static async start(target: string): Promise<TcpProxy> {
    const server = createServer();
    return new TcpProxy(server, await listenLocally(server), target);
  }

  /** From now on nothing comes through in a direction. */
  hold(direction: Direction = "both"): void {
    this.#held = direction;
    for (const lane of this.#lanes) if (this.#isHeld(lane)) lane.from.pause();
  }

  /** Everything comes through again, what was held too. */
  release(): void {
    this.#held = undefined;
    for (const { from } of this.#lanes) from.resume();
  }

  /** Everything takes so long from now on, in order. */
  delay(delayMs: () => number): void {
    this.#delayMs = delayMs;
  }

  /** Whatever is sent over the connections that there are is lost. Others are not. */
  silence(): void {
    for (const lane of this.#lanes) lane.isSilent = true;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const { from } of this.#lanes) from.destroy();
    await closed;
  }

  #isHeld({ direction }: Lane): boolean {
    return this.#held === "both" || this.#held === direction;
  }

  #join(direction: Lane["direction"], from: Socket, to: Socket): void {
    const lane: Lane = { direction, from, isSilent: false, arrived: Promise.resolve() };
    this.#lanes.add(lane);
    from.on("data", (chunk) => {
      if (lane.isSilent) return;
      const arrivesAt = performance.now() + this.#delayMs();
      lane.arrived = lane.arrived.then(async () => {
        const leftMs = arrivesAt - performance.now();
        if (leftMs > 0) await sleep(leftMs);
        if (to.writable) to.write(chunk);
      });
    });
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#lanes.delete(lane);
      to.destroy();
    });
    if (this.#isHeld(lane)) from.pause();
  }
}
