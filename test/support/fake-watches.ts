import type { ProtobufReader } from "../../src/etcd/wire/protobuf-reader.ts";
import type { ProtobufWriter } from "../../src/etcd/wire/protobuf-writer.ts";
import type { FakeCall } from "./fake-grpc-server.ts";

/** What a client asked for on a stream of watches. */
export interface WatchCommandSeen {
  readonly command: "create" | "cancel" | "progress";
  readonly id: bigint;
  readonly key: string;
  readonly startRevision: bigint;
  readonly progressNotify: boolean;
}

/** One stream of watches, as the server sees it. */
export class FakeWatchStream {
  readonly call: FakeCall;
  readonly commands: WatchCommandSeen[] = [];

  constructor(
    call: FakeCall,
    onCommand: (stream: FakeWatchStream, seen: WatchCommandSeen) => void,
  ) {
    this.call = call;
    call.onMessage((message) => {
      const seen = readCommand(message);
      this.commands.push(seen);
      onCommand(this, seen);
    });
  }

  /** The commands of one kind. */
  all(command: WatchCommandSeen["command"]): WatchCommandSeen[] {
    return this.commands.filter((seen) => seen.command === command);
  }

  created(id: bigint, revision: bigint): void {
    this.answer(revision, id, (writer) => writer.bool(3, true));
  }

  refused(reason: string): void {
    this.answer(0n, -1n, (writer) => {
      writer.bool(3, true);
      writer.bool(4, true);
      writer.string(6, reason);
    });
  }

  canceled(id: bigint, { compactRevision = 0n, reason = "" }): void {
    this.answer(0n, id, (writer) => {
      writer.bool(4, true);
      writer.int64(5, compactRevision);
      writer.string(6, reason);
    });
  }

  /** A put of `key` at each of the revisions, all in one answer. */
  events(id: bigint, key: string, ...revisions: bigint[]): void {
    this.answer(revisions.at(-1) ?? 0n, id, (writer) => {
      for (const revision of revisions) {
        writer.message(11, revision, (_, event) =>
          event.message(2, revision, (modRevision, kv) => {
            kv.string(1, key);
            kv.int64(3, modRevision);
          }),
        );
      }
    });
  }

  progress(revision: bigint): void {
    this.answer(revision, -1n, () => {});
  }

  answer(revision: bigint, id: bigint, write: (writer: ProtobufWriter) => void): void {
    this.call.send((writer) => {
      writer.message(1, revision, (value, header) => header.int64(3, value));
      writer.int64(2, id);
      write(writer);
    });
  }
}

function readCommand(message: ProtobufReader): WatchCommandSeen {
  message.next();
  const command = (["create", "cancel", "progress"] as const)[message.field - 1] ?? "progress";
  const body = message.message();
  let [id, key, startRevision, progressNotify] = [0n, "", 0n, false];
  while (body.next()) {
    if (command === "cancel" || body.field === 7) id = body.int64();
    else if (body.field === 1) key = body.string();
    else if (body.field === 3) startRevision = body.int64();
    else if (body.field === 4) progressNotify = body.bool();
    else body.skip();
  }
  return { command, id, key, startRevision, progressNotify };
}
