import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "./seeded-random.ts";

/**
 * Objects behind the API of S3, with its conditional writes: `GetObject` and `PutObject` on
 * paths, and nothing else. As documented, an ETag is the MD5 of the content alone.
 */
export class FakeS3 implements AsyncDisposable {
  /** What every object was written as, in order. */
  readonly written: (readonly [path: string, content: string])[] = [];
  /** Runs before a write is looked at. */
  beforePut: (() => Promise<void>) | undefined;
  readonly #writing = new Set<string>();
  readonly #objects = new Map<string, string>();
  readonly #random = seededRandom(1);
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error) => response.destroy(error));
    });
  }

  static async start(): Promise<FakeS3> {
    const s3 = new FakeS3();
    s3.#server.listen(0, "127.0.0.1");
    await once(s3.#server, "listening");
    return s3;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  read(path: string): string | undefined {
    return this.#objects.get(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: path } = new URL(request.url ?? "/", this.endpoint);
    let content = "";
    for await (const chunk of request.setEncoding("utf8")) content += chunk;
    // So that requests overtake each other.
    await sleep(this.#random() * 4);
    if (request.method === "GET") this.#get(path, response);
    else if (request.method === "PUT") await this.#put(path, content, request, response);
    else refuse(response, 405, "MethodNotAllowed");
  }

  #get(path: string, response: ServerResponse): void {
    const content = this.#objects.get(path);
    if (content === undefined) refuse(response, 404, "NoSuchKey");
    else response.writeHead(200, { etag: etagOf(content) }).end(content);
  }

  async #put(
    path: string,
    content: string,
    { headers }: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    await this.beforePut?.();
    if (this.#writing.has(path)) return refuse(response, 409, "ConditionalRequestConflict");
    this.#writing.add(path);
    await sleep(this.#random());
    this.#writing.delete(path);
    const old = this.#objects.get(path);
    const expected = headers["if-match"];
    if (expected && old === undefined) return refuse(response, 404, "NoSuchKey");
    const changed = old !== undefined && (expected ?? etagOf(old)) !== etagOf(old);
    if (changed || (headers["if-none-match"] === "*" && old !== undefined)) {
      return refuse(response, 412, "PreconditionFailed");
    }
    this.#objects.set(path, content);
    this.written.push([path, content]);
    response.writeHead(200, { etag: etagOf(content) }).end();
  }
}

function etagOf(content: string): string {
  return `"${createHash("md5").update(content).digest("hex")}"`;
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { "content-type": "application/xml" });
  response.end(
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`,
  );
}
