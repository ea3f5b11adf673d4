import type { Socket } from "node:net";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Who takes a connection, once it is clear what it speaks. */
export interface Speakers {
  http2(socket: Socket): void;
  http1(socket: Socket): void;
}

/**
 * Waits for the first bytes of a connection, and hands it to who speaks its language: clients
 * of gRPC say in them that they speak HTTP/2, and `curl` does not.
 */
export function switchProtocol(socket: Socket, speakers: Speakers): void {
  let seen: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, preface.length);
    const isHttp2 = seen.subarray(0, length).equals(preface.subarray(0, length));
    if (isHttp2 && length < preface.length) return;
    socket.removeListener("data", onData);
    socket.pause();
    socket.unshift(seen);
    if (isHttp2) speakers.http2(socket);
    else speakers.http1(socket);
  };
  socket.on("data", onData);
}
