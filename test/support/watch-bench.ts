import type { WatchRequest } from "../../src/etcd/api.ts";
import type { GrpcEtcd } from "../../src/etcd/grpc/grpc-etcd.ts";
import type { FakeGrpcServer } from "./fake-grpc-server.ts";
import { FakeWatchStream, type WatchCommandSeen } from "./fake-watches.ts";
import { serve } from "./grpc-bench.ts";

type OnCommand = (stream: FakeWatchStream, seen: WatchCommandSeen) => void;

/** Lets every watch stand at once, at revision 10. */
export const welcome: OnCommand = (stream, { command, id }) => {
  if (command === "create") stream.created(id, 10n);
};

/** A server of watches, and the streams that were opened to it. */
export interface WatchServer {
  readonly server: FakeGrpcServer;
  readonly streams: readonly FakeWatchStream[];
  readonly endpoint: string;
}

/** Starts a server of watches. `tokens` are handed out one by one to those who sign in. */
export async function serveWatches(
  onCommand: OnCommand = welcome,
  { tokens = [], port }: { tokens?: string[]; port?: number } = {},
): Promise<WatchServer> {
  const streams: FakeWatchStream[] = [];
  const methods = {
    "Watch/Watch": (call) => streams.push(new FakeWatchStream(call, onCommand)),
    "Auth/Authenticate": (call) =>
      call.reply((writer) => writer.string(2, tokens.shift() ?? "last")),
    "Lease/LeaseKeepAlive": () => {},
  } satisfies Parameters<typeof serve>[0];
  const server = await serve(methods, port);
  return { server, streams, endpoint: server.endpoint };
}

/** What a watch has told. */
export interface WatchSeen {
  readonly created: readonly bigint[];
  /** The revisions of each call of `onEvents`. */
  readonly events: readonly (readonly bigint[])[];
  readonly ends: readonly Error[];
  close(): void;
}

/** Opens a watch of one key. */
export function watch(etcd: GrpcEtcd, key: string, request: Partial<WatchRequest> = {}): WatchSeen {
  const created: bigint[] = [];
  const events: bigint[][] = [];
  const ends: Error[] = [];
  const watching = etcd.watch(
    { key: Buffer.from(key), ...request },
    {
      onCreated: (revision) => created.push(revision),
      onEvents: (batch) => events.push(batch.map(({ kv }) => kv.modRevision)),
      onEnd: (error) => ends.push(error),
    },
  );
  return { created, events, ends, close: () => watching.close() };
}
