import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { listenLocally } from "../listen-locally.ts";
import { Http2Frames } from "./http2-frames.ts";

type Direction = "request" | "response";

/** Where an exchange breaks off, and how. */
export interface Cut {
  readonly direction: Direction;
  /** How much passes before, from the moment in which the proxy is armed, over all connections. */
  readonly after: number;
  readonly unit: "bytes" | "frames";
  /**
   * - `reset`: both sides lose the connection at once.
   * - `half close`: the receiver hears that there is no more; the other direction goes on.
   * - `hold`: the rest is kept, and comes when the proxy is disarmed.
   */
  readonly kind: "reset" | "half close" | "hold";
}

/** What passed while the proxy was armed. */
export interface Passage {
  readonly isCut: boolean;
  readonly bytes: Readonly<Record<Direction, number>>;
  readonly frames: Readonly<Record<Direction, number>>;
}

interface Way {
  readonly direction: Direction;
  readonly from: Socket;
  readonly to: Socket;
  readonly frames: Http2Frames;
  state: "open" | "dropping" | "holding";
  held: Buffer[];
}

/** A way to a server that breaks off at one byte or frame, once, and is whole before and after. */
export class CuttingProxy {
  readonly endpoint: string;
  readonly #server: Server;
  readonly #ways = new Set<Way>();
  #cut: Cut | undefined;
  #isCut = false;
  #bytes = { request: 0, response: 0 };
  #frames = { request: 0, response: 0 };

  private constructor(server: Server, endpoint: string, target: string) {
    this.#server = server;
    this.endpoint = endpoint;
    const [host, port] = target.split(":");
    server.on("connection", (inner) => {
      const outer = connect({ host: host as string, port: Number(port), noDelay: true });
      this.#open({ direction: "request", from: inner, to: outer }, "client");
      this.#open({ direction: "response", from: outer, to: inner }, "server");
    });
  }

  static async start(target: string): Promise<CuttingProxy> {
    const server = createServer({ noDelay: true });
    return new CuttingProxy(server, await listenLocally(server), target);
  }

  /** Counts from now on; and cuts, unless it is only to count. */
  arm(cut?: Cut): void {
    this.#cut = cut;
    this.#isCut = false;
    this.#bytes = { request: 0, response: 0 };
    this.#frames = { request: 0, response: 0 };
  }

  /** Lets all pass from now on, what was held first. */
  disarm(): Passage {
    this.#cut = undefined;
    for (const way of this.#ways) {
      if (way.state !== "holding") continue;
      way.state = "open";
      for (const chunk of way.held.splice(0)) way.to.write(chunk);
      if (way.from.destroyed) this.#close(way);
    }
    return { isCut: this.#isCut, bytes: { ...this.#bytes }, frames: { ...this.#frames } };
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const { from } of this.#ways) from.destroy();
    await closed;
  }

  #open(ends: Pick<Way, "direction" | "from" | "to">, sender: "client" | "server"): void {
    const way: Way = { ...ends, frames: new Http2Frames(sender), state: "open", held: [] };
    this.#ways.add(way);
    way.from.on("data", (chunk: Buffer) => this.#pass(way, chunk));
    way.from.on("error", () => {});
    way.from.on("close", () => {
      if (way.state !== "holding") this.#close(way);
    });
  }

  #close(way: Way): void {
    this.#ways.delete(way);
    way.to.end(() => way.to.destroy());
  }

  #pass(way: Way, chunk: Buffer): void {
    if (way.state === "dropping") return;
    if (way.state === "holding") {
      way.held.push(chunk);
      return;
    }
    const ends = way.frames.push(chunk);
    const isAt = this.#cutWithin(way, chunk.length, ends);
    this.#bytes[way.direction] += isAt ?? chunk.length;
    this.#frames[way.direction] += ends.filter((end) => end <= (isAt ?? chunk.length)).length;
    if (isAt === undefined) {
      way.to.write(chunk);
      return;
    }
    this.#isCut = true;
    const kind = this.#cut?.kind;
    this.#cut = undefined;
    const rest = chunk.subarray(isAt);
    if (kind === "hold") {
      if (isAt > 0) way.to.write(chunk.subarray(0, isAt));
      way.state = "holding";
      if (rest.length > 0) way.held.push(rest);
    } else if (kind === "half close") {
      way.state = "dropping";
      way.to.end(chunk.subarray(0, isAt));
    } else {
      way.state = "dropping";
      way.to.write(chunk.subarray(0, isAt), () => {
        way.to.resetAndDestroy();
        way.from.resetAndDestroy();
      });
    }
  }

  /** Behind which byte of a chunk the cut is to be made, if it is within it. */
  #cutWithin({ direction }: Way, length: number, ends: readonly number[]): number | undefined {
    const cut = this.#cut;
    if (cut?.direction !== direction) return undefined;
    if (cut.unit === "bytes") {
      const left = cut.after - this.#bytes[direction];
      return left <= length ? left : undefined;
    }
    const left = cut.after - this.#frames[direction];
    return left === 0 ? 0 : ends[left - 1];
  }
}
