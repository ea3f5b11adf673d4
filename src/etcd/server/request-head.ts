import type { IncomingHttpHeaders } from "node:http2";
import type { GrpcStatus } from "../wire/grpc-status.ts";

/** A call, as far as its headers tell. */
export interface RequestHead {
  readonly service: string;
  readonly method: string;
  /** What the answer's content type is to be. */
  readonly contentType: string;
  /** How long the client waits, if it said so. */
  readonly timeoutMs: number | undefined;
}

/** Why headers make no call. */
export interface HeadRefusal extends GrpcStatus {
  /** For those who do not know gRPC. */
  readonly httpStatus: number;
}

/** Reads what is called, and refuses it in the words of Go's gRPC. */
export function readRequestHead(headers: IncomingHttpHeaders): RequestHead | HeadRefusal {
  const verb = headers[":method"] ?? "";
  if (verb !== "POST") {
    const message = `Received a HEADERS frame with :method "${verb}" which should be POST`;
    return { httpStatus: 405, status: "INTERNAL", message };
  }
  const contentType = headers["content-type"] ?? "";
  const [, subtype] = /^application\/grpc(?:$|[+;](.*))/.exec(contentType) ?? [];
  if (!/^application\/grpc($|[+;])/.test(contentType)) {
    const message = `invalid gRPC request content-type "${contentType}"`;
    return { httpStatus: 415, status: "INVALID_ARGUMENT", message };
  }
  const timeout = headers["grpc-timeout"];
  const timeoutMs = typeof timeout === "string" ? readTimeout(timeout) : undefined;
  if (typeof timeoutMs === "string") {
    const message = `malformed grpc-timeout: transport: ${timeoutMs}`;
    return { httpStatus: 400, status: "INTERNAL", message };
  }
  const encoding = headers["grpc-encoding"];
  if (typeof encoding === "string" && encoding !== "identity") {
    const message = `grpc: Decompressor is not installed for grpc-encoding "${encoding}"`;
    return { httpStatus: 200, status: "UNIMPLEMENTED", message };
  }
  const path = headers[":path"] ?? "";
  const [, service, method] = /^\/?(.*)\/(.*)$/s.exec(path.replace(/^\//, "")) ?? [];
  if (service === undefined || method === undefined) {
    const message = `malformed method name: "${path}"`;
    return { httpStatus: 200, status: "UNIMPLEMENTED", message };
  }
  const suffix = subtype ? `+${subtype}` : "";
  return { service, method, contentType: `application/grpc${suffix}`, timeoutMs };
}

const unitsMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** The milliseconds of a text such as "100m", or what is wrong with it. */
function readTimeout(text: string): number | string {
  if (text.length < 2) return `timeout string is too short: "${text}"`;
  if (text.length > 9) return `timeout string is too long: "${text}"`;
  const unitMs = unitsMs[text.slice(-1)];
  if (unitMs === undefined) return `timeout unit is not recognized: "${text}"`;
  const count = text.slice(0, -1);
  if (!/^\d+$/.test(count)) return `timeout is not a number: "${text}"`;
  return Number(count) * unitMs;
}
