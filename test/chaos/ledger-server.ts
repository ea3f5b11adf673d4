import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { text } from "node:stream/consumers";
import { listenLocally } from "../support/listen-locally.ts";
import type { Ledger } from "./ledger.ts";

/** A ledger as others reach it: over HTTP, where requests may be late. */
export class LedgerServer {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server, address: string) {
    this.#server = server;
    this.url = `http://${address}`;
  }

  /** `now` is the clock of the histories. */
  static async start(ledger: Ledger, now: () => number): Promise<LedgerServer> {
    const server = createServer(async (request, response) => {
      const body = await text(request).catch(() => undefined);
      // Whoever was killed before it had sent all has asked for nothing.
      if (body === undefined) return;
      const { who, token, items } = JSON.parse(body);
      const answer = items
        ? ledger.write(now(), who, BigInt(token), items)
        : ledger.read(now(), who, BigInt(token));
      response.writeHead(answer ? 200 : 409);
      response.end(JSON.stringify(answer ?? null));
    });
    return new LedgerServer(server, await listenLocally(server));
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
