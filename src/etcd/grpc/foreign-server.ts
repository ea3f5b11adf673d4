import { connect } from "node:net";
import type { Clock } from "../../clock.ts";
import { ConnectFailure } from "./failures.ts";

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/**
 * Finds out who it is that accepts connections but does not speak HTTP/2, by the first bytes
 * of what it says to our greeting. Undefined when it says nothing that we know.
 */
export function foreignServer(
  { endpoint, kind, cause }: ConnectFailure,
  { clock, timeoutMs, signal }: { clock: Clock; timeoutMs: number; signal: AbortSignal },
): Promise<ConnectFailure | undefined> {
  const isSpeaker = kind === "protocol" || cause === null || codeOf(cause) === "ECONNRESET";
  if (!isSpeaker) return Promise.resolve(undefined);

  return new Promise((resolve) => {
    const socket = connect({ host: endpoint.host, port: endpoint.port });
    const done = (): void => {
      stopTimer();
      signal.removeEventListener("abort", done);
      socket.destroy();
      resolve(undefined);
    };
    const stopTimer = clock.setTimer(timeoutMs, done, { keepsProcessAlive: false });
    signal.addEventListener("abort", done, { once: true });
    socket.unref();
    socket.on("connect", () => socket.write(preface));
    socket.on("data", (chunk) => {
      const words = speaker(chunk);
      if (words) resolve(new ConnectFailure(endpoint, "protocol", words, { cause }));
      done();
    });
    socket.on("error", done);
    socket.on("close", done);
  });
}

/** Who begins to speak like that. */
function speaker(firstBytes: Buffer): string | undefined {
  const isTlsRecord = firstBytes[1] === 3 && (firstBytes[0] === 0x15 || firstBytes[0] === 0x16);
  if (isTlsRecord) return "it speaks TLS; use https://, or give tls";
  if (firstBytes.subarray(0, 5).toString() === "HTTP/") return "it speaks HTTP/1, not HTTP/2";
  return undefined;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
