import { isIPv6 } from "node:net";
import { InvalidOptionError } from "../../errors.ts";

/** Where an etcd listens. */
export interface Endpoint {
  /** A name or an address, without the brackets of IPv6. */
  readonly host: string;
  readonly port: number;
  /** Whether `https://` stood before it; undefined if nothing did. */
  readonly secure: boolean | undefined;
  /** `host:port`, as errors name it. */
  readonly name: string;
}

const defaultPort = 2379;
const expected = 'like "host:port" or "https://host:port"';
const pattern = /^(?:(https?):\/\/)?(\[[0-9a-f:.]+\]|[\p{L}\p{N}._-]+)(?::(\d{1,5}))?\/?$/iu;

/**
 * Reads one endpoint: `host`, `host:port`, `[::1]:port`, with or without `http://` or
 * `https://`. Without a port it is etcd's own, 2379.
 *
 * @throws {InvalidOptionError} when it is none; `option` is the name that the error says.
 */
export function parseEndpoint(text: string, option = "target"): Endpoint {
  const match = typeof text === "string" ? pattern.exec(text.trim()) : null;
  const [, scheme, hostPart = "", portPart] = match ?? [];
  const port = portPart === undefined ? defaultPort : Number(portPart);
  const host = hostPart.replace(/^\[|\]$/g, "");
  const isHost = host === hostPart || isIPv6(host);
  if (!match || !isHost || port < 1 || port > 65_535) {
    throw new InvalidOptionError(option, expected, text);
  }
  const secure = scheme === undefined ? undefined : scheme.toLowerCase() === "https";
  return { host, port, secure, name: `${hostPart}:${port}` };
}

/**
 * Reads all endpoints of one cluster, each of them once.
 *
 * @throws {InvalidOptionError} when there is none, one is wrong, or `http://` and `https://` are mixed.
 */
export function parseEndpoints(texts: readonly string[], option = "target"): readonly Endpoint[] {
  if (!Array.isArray(texts) || texts.length === 0) {
    throw new InvalidOptionError(option, expected, texts);
  }
  const endpoints = new Map<string, Endpoint>();
  for (const text of texts) {
    const endpoint = parseEndpoint(text, option);
    if (!endpoints.has(endpoint.name)) endpoints.set(endpoint.name, endpoint);
  }
  const all = [...endpoints.values()];
  if (all.some(({ secure }) => secure === true) && all.some(({ secure }) => secure === false)) {
    throw new InvalidOptionError(option, "either all http:// or all https://", texts.join(","));
  }
  return all;
}
