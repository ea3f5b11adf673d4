import { StoreError } from "../../errors.ts";

// What etcd's --max-request-bytes is if nobody sets it, and half a megabyte for gRPC.
export const messageBytesMax: number = 2 * 1024 * 1024;

/**
 * Refuses a message by its header, in the words of Go's gRPC, before any of it is kept.
 *
 * @throws {StoreError}
 */
export function checkFrame(compression: number, length: number): void {
  if (compression === 1) {
    throw new StoreError("INTERNAL", "grpc: compressed flag set with identity or empty encoding");
  }
  if (compression !== 0) {
    throw new StoreError("INTERNAL", `grpc: received unexpected payload format ${compression}`);
  }
  if (length > messageBytesMax) {
    const sizes = `${length} vs. ${messageBytesMax}`;
    throw new StoreError("RESOURCE_EXHAUSTED", `grpc: received message larger than max (${sizes})`);
  }
}
