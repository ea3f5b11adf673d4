import type { IncomingMessage, ServerResponse } from "node:http";

/** What a page has. */
type Page = () => { readonly type: string; readonly body: string };

/** The version that the server goes by. */
export interface Versions {
  readonly server: string;
  readonly cluster: string;
}

/** Answers the two pages of etcd that probes and people ask for. */
export function httpPages(
  versions: Versions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const { server, cluster } = versions;
  const pages = new Map<string, Page>([
    [
      "/health",
      () => ({
        type: "text/plain; charset=utf-8",
        body: JSON.stringify({ health: "true", reason: "" }),
      }),
    ],
    [
      "/version",
      () => ({
        type: "application/json",
        body: JSON.stringify({ etcdserver: server, etcdcluster: cluster }),
      }),
    ],
  ]);
  return (request, response) => {
    const page = pages.get((request.url ?? "").replace(/\?.*$/s, ""));
    if (!page) {
      send(response, 404, "text/plain; charset=utf-8", "404 page not found\n");
    } else if (request.method !== "GET") {
      response.setHeader("allow", "GET");
      send(response, 405, "text/plain; charset=utf-8", "Method Not Allowed\n");
    } else {
      const { type, body } = page();
      send(response, 200, type, body);
    }
  };
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
