import type { IncomingHttpHeaders } from "node:http2";
import { type StoreStatus, storeStatuses } from "../../errors.ts";

/** How a call ended, by its trailers. */
export interface GrpcStatus {
  readonly status: StoreStatus | "OK";
  readonly message: string;
}

// What a proxy in between says, as the gRPC specification reads it.
const statusOfHttp: Readonly<Record<number, StoreStatus>> = {
  400: "INTERNAL",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "UNIMPLEMENTED",
  429: "UNAVAILABLE",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "UNAVAILABLE",
};

/** Reads the status from trailers, or from headers that are all there is; undefined if there is none. */
export function readGrpcStatus(headers: IncomingHttpHeaders): GrpcStatus | undefined {
  const code = headers["grpc-status"];
  if (typeof code !== "string") return undefined;
  const text = headers["grpc-message"];
  const message = typeof text === "string" ? decodeGrpcMessage(text) : "";
  return { status: code === "0" ? "OK" : (storeStatuses[Number(code) - 1] ?? "UNKNOWN"), message };
}

/** Reads what is wrong with an answer that does not come from a gRPC server; undefined if it does. */
export function readForeignAnswer(headers: IncomingHttpHeaders): GrpcStatus | undefined {
  const httpStatus = Number(headers[":status"]);
  if (httpStatus !== 200) {
    const status = statusOfHttp[httpStatus] ?? "UNKNOWN";
    return { status, message: `HTTP status ${headers[":status"]}` };
  }
  const contentType = String(headers["content-type"]);
  if (contentType.startsWith("application/grpc")) return undefined;
  return { status: "UNIMPLEMENTED", message: `content type ${contentType} instead of gRPC` };
}

/** The number of a status, as trailers have it. */
export function grpcStatusCode(status: GrpcStatus["status"]): number {
  return status === "OK" ? 0 : storeStatuses.indexOf(status) + 1;
}

/** Encodes the text of a status: what a header cannot carry goes in percent signs. */
export function encodeGrpcMessage(message: string): string {
  if (/^[ -$&-~]*$/.test(message)) return message;
  let text = "";
  for (const byte of Buffer.from(message)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    text += isPlain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}

/** Decodes the percent-encoded text of a status; what is not properly encoded stays as it is. */
export function decodeGrpcMessage(text: string): string {
  if (!text.includes("%")) return text;
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const hex = text[at] === "%" ? text.slice(at + 1, at + 3) : "";
    if (/^[0-9a-f]{2}$/i.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      at += 2;
    } else {
      bytes.push(text.charCodeAt(at) & 0xff);
    }
  }
  return Buffer.from(bytes).toString();
}
