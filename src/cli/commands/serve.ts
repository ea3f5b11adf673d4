import { type EtcdServer, startServer } from "../../etcd/server/start-server.ts";
import { onAbort } from "../../signals.ts";
import type { Args } from "../args.ts";
import { exitCodes } from "../exit-codes.ts";
import { type Io, jsonOf } from "../io.ts";
import { UsageError } from "../usage-error.ts";

/** Is an etcd until a signal ends it. */
export async function run(args: Args, io: Io): Promise<number> {
  const server = await startServer(listenOn(args.text("listen") ?? "127.0.0.1:2379"));
  say(server, args.flag("json"), io);
  await new Promise<void>((resolve) => onAbort(io.signal, resolve));
  await server.close();
  return exitCodes.ok;
}

function say({ address, url, host, port }: EtcdServer, isJson: boolean, io: Io): void {
  io.stdout.write(isJson ? `${jsonOf({ address, url, host, port })}\n` : `${address}\n`);
  if (isJson) return;
  io.stderr.write(
    [
      "An etcd for development and tests: one process, no replication, nothing on disk.",
      ...(isLoopback(host) ? [] : ["Whoever can reach this address can do everything here."]),
      `Others find it with: export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=${address}`,
      "",
    ].join("\n"),
  );
}

/** What `--listen` says: "host:port", ":port", "[::1]:port", with or without http://. */
function listenOn(text: string): { readonly host: string; readonly port: number } {
  const bare = text.replace(/^http:\/\//, "").replace(/\/$/, "");
  const [, v6, name = "", digits] = /^(?:\[([^\]]+)\]|([^:[\]/]*)):(\d{1,5})$/.exec(bare) ?? [];
  const port = Number(digits ?? Number.NaN);
  if (port <= 65_535) return { host: v6 ?? (name || "127.0.0.1"), port };
  const expected = "host and port, such as 127.0.0.1:2379";
  throw new UsageError(`--listen must be ${expected}, but is ${JSON.stringify(text)}`);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
