import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bytesOf } from "../../../src/core/keys.ts";
import type { RequestOp } from "../../../src/etcd/api.ts";
import { GrpcEtcd } from "../../../src/etcd/grpc/grpc-etcd.ts";
import { type EtcdServer, startServer } from "../../../src/etcd/server/start-server.ts";
import { decodeWatchAnswer, type WatchAnswer } from "../../../src/etcd/wire/watch-messages.ts";
import { eventually } from "../../support/eventually.ts";
import { type Fields, RawGrpc, RawStream } from "../../support/raw-grpc.ts";

describe("Watches over gRPC", () => {
  let server: EtcdServer;
  let etcd: GrpcEtcd;
  let client: RawGrpc;
  let watches: RawStream<WatchAnswer>;

  beforeEach(async () => {
    server = await startServer({ port: 0, keepsProcessAlive: false, progressMs: 40 });
    etcd = new GrpcEtcd({ endpoints: [server.address] });
    client = await RawGrpc.connect(server.address);
    watches = new RawStream(client.open("Watch/Watch"), decodeWatchAnswer);
  });

  afterEach(async () => {
    await Promise.all([client.close(), etcd.close()]);
    await server.close();
  });

  const put = (key: string, value = ""): RequestOp => ({
    op: "put",
    request: { key: bytesOf(key), value: bytesOf(value) },
  });
  const write = (...success: RequestOp[]) => etcd.txn({ success });
  const create = (request: Fields): void => watches.say({ 1: request });
  const cancel = (id: bigint): void => watches.say({ 2: { 1: id } });

  async function have(count: number): Promise<readonly WatchAnswer[]> {
    await eventually(() => watches.answers.length >= count);
    return watches.answers;
  }

  /** The answers to all that was said: the server has come to the end of it. */
  async function all(): Promise<readonly WatchAnswer[]> {
    const mark = 4_711n;
    create({ 1: "mark", 7: mark });
    await eventually(() => watches.answers.at(-1)?.id === mark);
    return watches.answers.slice(0, -1);
  }

  it("have the ids that the client gives them, or the next ones", async () => {
    for (const id of [0n, 1n, 0n, 0n, -1n]) create({ 1: "a", 7: id });
    expect((await all()).map(({ id }) => id)).toEqual([0n, 1n, 2n, 3n, -1n]);
  });

  it("are refused with the words of etcd, and the others go on", async () => {
    create({ 1: "a", 7: 5n });
    create({ 1: "a", 7: 5n });
    create({ 1: "b", 2: "a" });
    create({ 1: "a", 3: -1n });
    const [created, ...refused] = await all();
    expect(created).toMatchObject({ id: 5n, created: true, canceled: false });
    expect(refused).toMatchObject(
      [
        "mvcc: duplicate watch ID provided on the WatchStream",
        "mvcc: watcher range is empty",
        "etcdserver: mvcc: required revision has been compacted",
      ].map((cancelReason) => ({ id: -1n, created: true, canceled: true, cancelReason })),
    );
    expect(server.counts().watches).toBe(2);
  });

  it("take an empty key for the first one, and a range end of 0 for no end", async () => {
    create({ 2: Buffer.from([0]) });
    await have(1);
    await write(put("\0"));
    expect((await have(2))[1]?.events).toHaveLength(1);
  });

  it("can be cancelled once, and are then over", async () => {
    create({ 1: "a" });
    cancel(0n);
    cancel(0n);
    cancel(9n);
    expect(await all()).toMatchObject([
      { id: 0n, created: true },
      { id: 0n, canceled: true, cancelReason: "" },
    ]);
    expect(server.counts().watches).toBe(1);
  });

  it("leave out what the client does not want to hear of", async () => {
    create({ 1: "a", 5: Buffer.from([0]) });
    create({ 1: "a", 5: 1n });
    create({ 1: "a", 5: Buffer.from([0, 1]) });
    await all();
    await write(put("a"));
    await write({ op: "deleteRange", request: { key: bytesOf("a") } });
    await write(put("mark"));
    const told = (await have(7)).slice(4);
    expect(told.map(({ id, events }) => [id, events.map(({ type }) => type)])).toEqual([
      [1n, ["put"]],
      [0n, ["delete"]],
      [4_711n, ["put"]],
    ]);
  });

  it("tell all events of a revision in one answer, with that revision", async () => {
    create({ 1: "a", 2: "z" });
    await have(1);
    const { header } = await write(put("a"), put("b"), put("c"));
    await write(put("d"));
    const [, first, second] = await have(3);
    expect([first?.events.length, second?.events.length]).toEqual([3, 1]);
    expect(first?.header.revision).toBe(header.revision);
  });

  it("tell what is too large for one answer in several, to whom can put it together", {
    timeout: 25_000,
  }, async () => {
    create({ 1: "a", 2: "z", 3: 2n, 8: 1n });
    create({ 1: "a", 2: "z", 3: 2n });
    await have(2);
    const large = (key: string): RequestOp => put(key, "x".repeat(700_000));
    await write(large("a"), large("b"));
    create({ 1: "a", 2: "z", 3: 3n, 6: 1n, 8: 1n });
    await write(large("a"), large("b"));
    await eventually(() => watches.answers.length >= 3 + 2 + 4);
    const sizes = (id: bigint): number[] =>
      watches.answers.filter((a) => a.id === id && !a.created).map((a) => a.events.length);
    // With the state before, what the last one has to tell comes in two parts.
    expect([sizes(0n), sizes(1n), sizes(2n)]).toEqual([
      [2, 2],
      [2, 2],
      [1, 1],
    ]);
  });

  it("end with the oldest revision there is when what they are to tell is forgotten", async () => {
    await write(put("a"));
    const { header } = await write(put("a"));
    await etcd.compact(header.revision);
    create({ 1: "a", 3: 2n });
    expect(await have(2)).toMatchObject([
      { id: 0n, created: true, canceled: false },
      { id: 0n, canceled: true, compactRevision: header.revision, cancelReason: "" },
    ]);
    expect(server.counts().watches).toBe(0);
  });

  it("say how far they have come, when asked and when there is nothing to tell", async () => {
    watches.say({ 3: {} });
    create({ 1: "a", 4: 1n });
    create({ 1: "a" });
    await have(2);
    const { header } = await write(put("a"));
    await have(4);
    watches.say({ 3: {} });
    const { revision } = header;
    await eventually(() => watches.answers.length >= 6);
    const rest = watches.answers.slice(4).map(({ id, events }) => [id, events.length]);
    expect(rest).toContainEqual([-1n, 0]);
    expect(rest).toContainEqual([0n, 0]);
    expect(rest).not.toContainEqual([1n, 0]);
    expect(watches.answers.slice(4).every((a) => a.header.revision === revision)).toBe(true);
  });

  it("go on when the client has nothing more to say", async () => {
    create({ 1: "a" });
    watches.stream.end();
    await have(1);
    await write(put("a"));
    expect((await have(2))[1]?.events).toHaveLength(1);
  });

  it("pass over a request that asks for nothing", async () => {
    watches.say({});
    create({ 1: "a" });
    expect(await all()).toMatchObject([{ created: true }]);
  });

  describe("of a client that does not read", () => {
    const value = "x".repeat(100_000);
    const total = 30;

    beforeEach(async () => {
      create({ 1: "a", 7: 1n });
      create({ 1: "a", 7: 2n });
      await have(2);
      watches.stream.pause();
      for (let i = 0; i < total; i++) await write(put("a", value));
    });

    it("keep little in memory, and tell everything in order once it reads again", {
      timeout: 25_000,
    }, async () => {
      expect(server.counts().watches).toBe(0);
      watches.say({ 3: {} });
      await write(put("b"));
      watches.stream.resume();
      await eventually(() => watches.answers.length >= 2 + 2 * total + 1, { withinMs: 20_000 });
      for (const id of [1n, 2n]) {
        const revisions = watches.answers
          .filter((answer) => answer.id === id)
          .flatMap(({ events }) => events.map(({ kv }) => kv.modRevision));
        expect(revisions).toEqual(Array.from({ length: total }, (_, i) => BigInt(i + 2)));
      }
      // It is not said that all was told before it was.
      expect(watches.answers.at(-1)).toMatchObject({ id: -1n, header: { revision: 32n } });
      await write(put("a", "last"));
      await eventually(() => watches.answers.length >= 2 + 2 * total + 3);
    });

    it("end when it has missed what is forgotten by then", async () => {
      const { header } = await write(put("b"));
      await etcd.compact(header.revision);
      watches.stream.resume();
      await eventually(() => watches.answers.filter(({ canceled }) => canceled).length === 2);
      const ends = watches.answers.filter(({ canceled }) => canceled);
      expect(ends.map(({ compactRevision }) => compactRevision)).toEqual([
        header.revision,
        header.revision,
      ]);
      expect(server.counts().watches).toBe(0);
    });
  });
});
