import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RequestOp } from "../../src/etcd/api.ts";
import { startServer } from "../../src/etcd/server/start-server.ts";
import { encodeFrame } from "../../src/etcd/wire/framing.ts";
import {
  encodeDeleteRangeRequest,
  encodePutRequest,
  encodeRangeRequest,
  encodeTxnRequest,
} from "../../src/etcd/wire/kv-requests.ts";
import type { ProtobufReader } from "../../src/etcd/wire/protobuf-reader.ts";
import { decodeWatchAnswer, type WatchAnswer } from "../../src/etcd/wire/watch-messages.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../support/etcd-server.ts";
import { eventually } from "../support/eventually.ts";
import { opsIn, resolveTxn, type Step, sequenceArb } from "../support/random-requests.ts";
import { type Fields, fieldsOf, framed, RawGrpc, RawStream } from "../support/raw-grpc.ts";

// FC_SEED=<seed> repeats a run; FC_RUNS=<factor> makes it longer.
const { FC_SEED, FC_RUNS = "1" } = process.env;
const seed = FC_SEED === undefined ? Date.now() % 2 ** 31 : Number(FC_SEED);
const factor = Number(FC_RUNS);

const everything = framed(fieldsOf({ 1: Buffer.from([0]), 2: Buffer.from([0]) }));

describeOnEveryEtcd("The server next to a real etcd, byte by byte", (version) => {
  let server: EtcdServer;
  let ours: Awaited<ReturnType<typeof startServer>>;
  let clients: RawGrpc[] = [];
  let answers = 0;

  beforeAll(async () => {
    server = await startEtcd({ version });
    ours = await startServer({ port: 0, historyLimit: Infinity, keepsProcessAlive: false });
    clients = [await RawGrpc.connect(ours.address), await RawGrpc.connect(server.endpoint)];
  });

  afterAll(async () => {
    for (const client of clients) await client.close();
    await ours.close();
    await server.stop();
  });

  /** Asks both, sees that they answer the same, and returns the revision. */
  async function ask(path: string, request: Buffer): Promise<bigint> {
    const [our, real] = await Promise.all(
      clients.map(async (client) => {
        const { httpStatus, code, message, messages } = await client.send(path, request);
        return { httpStatus, code, message, messages: messages.map((m) => plain(path, m)) };
      }),
    );
    const question = `${path} ${request.subarray(5).toString("hex")}, FC_SEED=${seed}`;
    expect(our, question).toEqual(real);
    answers++;
    return our?.messages[0]?.revision ?? 0n;
  }

  it("gives the same answers and refusals", { timeout: 60_000 * factor }, async () => {
    const sequences = fc.sample(sequenceArb, { seed, numRuns: 50 * factor });
    for (const [n, steps] of sequences.entries()) await run(steps, BigInt(n + 1));
    expect(answers).toBeGreaterThan(700);
  });

  async function run(steps: readonly Step[], sequence: bigint): Promise<void> {
    const leaseId = (lease: bigint): bigint => lease && sequence * 16n + lease;
    const fragile = new Set<bigint>();
    let revision = await ask("KV/DeleteRange", everything);
    for (const step of steps) {
      if (step.do === "txn") {
        const request = resolveTxn(step.request, { revision, leaseId });
        revision = (await ask("KV/Txn", encodeFrame(request, encodeTxnRequest))) || revision;
        const ops = new Set(opsIn(request).map(({ op }) => op));
        if (ops.has("deleteRange") && ops.has("put")) fragile.add(revision);
        for (const op of request.success ?? []) revision = (await single(op)) || revision;
      } else if (step.do === "grant") {
        await ask("Lease/LeaseGrant", framed(fieldsOf({ 1: step.ttl, 2: leaseId(step.lease) })));
      } else if (step.do === "revoke" || step.do === "keepAlive" || step.do === "timeToLive") {
        const path = {
          revoke: "LeaseRevoke",
          keepAlive: "LeaseKeepAlive",
          timeToLive: "LeaseTimeToLive",
        };
        const request = { 1: leaseId(step.lease), ...(step.do === "timeToLive" && { 2: 1n }) };
        const found = await ask(`Lease/${path[step.do]}`, framed(fieldsOf(request)));
        if (step.do === "revoke") revision = found || revision;
      } else if (step.do === "compact" && !fragile.has(revision + step.revision)) {
        await ask("KV/Compact", framed(fieldsOf({ 1: revision + step.revision, 2: 1n })));
      }
    }
    await ask("Lease/LeaseLeases", framed(Buffer.alloc(0)));
    for (let lease = 1n; lease <= 3n; lease++) {
      await ask("Lease/LeaseRevoke", framed(fieldsOf({ 1: leaseId(lease) })));
    }
  }

  /** The same operation by itself. */
  function single(op: RequestOp): Promise<bigint> | bigint {
    if (op.op === "range") return ask("KV/Range", encodeFrame(op.request, encodeRangeRequest));
    if (op.op === "put") return ask("KV/Put", encodeFrame(op.request, encodePutRequest));
    if (op.op === "txn") return 0n;
    return ask("KV/DeleteRange", encodeFrame(op.request, encodeDeleteRangeRequest));
  }

  it("begins, ends and refuses the same watches, and tells the same", async () => {
    // Etcd 3.4 begins a watch of the negative past, and lets it wait for ever.
    const starts = version === "3.4" ? [0n, 0n, 1_000_000n] : [0n, 0n, 1_000_000n, -1n];
    const createArb = fc.record({
      1: fc.constantFrom("", "a", "b", "c"),
      2: fc.constantFrom("", "", "a", "c", "z", Buffer.from([0])),
      3: fc.constantFrom(...starts),
      5: fc.constantFrom(...["", "\0", "\x01"].map((text) => Buffer.from(text))),
      6: fc.constantFrom(0n, 1n),
      7: fc.constantFrom(0n, 0n, 1n, 2n, -1n, 5n),
      8: fc.constantFrom(0n, 1n),
    });
    const commandArb: fc.Arbitrary<Fields> = fc.oneof(
      { weight: 4, arbitrary: createArb.map((request) => ({ 1: request })) },
      { weight: 1, arbitrary: fc.constantFrom(0n, 1n, 2n, 9n).map((id) => ({ 2: { 1: id } })) },
    );
    const runs = fc.sample(fc.array(commandArb, { minLength: 3, maxLength: 12 }), {
      seed,
      numRuns: 25 * factor,
    });
    for (const commands of runs) await watchBoth(commands);
  });

  async function watchBoth(commands: readonly Fields[]): Promise<void> {
    const streams = clients.map(
      (client) => new RawStream(client.open("Watch/Watch"), decodeWatchAnswer),
    );
    const last = { 1: { 1: "mark", 7: 99n } };
    for (const stream of streams) for (const command of [...commands, last]) stream.say(command);
    const isAtMark = ({ answers }: RawStream<WatchAnswer>) => answers.some(({ id }) => id === 99n);
    await eventually(() => streams.every(isAtMark));
    for (const key of ["a", "b", "bb", "mark"]) {
      await ask("KV/Put", framed(fieldsOf({ 1: key, 2: "1" })));
      if (key !== "mark") await ask("KV/DeleteRange", framed(fieldsOf({ 1: key })));
    }
    await eventually(() =>
      streams.every(({ answers }) =>
        answers.some(({ events }) => events.some(({ kv }) => kv.key.length === 4)),
      ),
    );
    // Whoever else watches that key may be told a moment later.
    await new Promise((resolve) => setTimeout(resolve, 5));
    const [our, real] = streams.map(({ answers }) => ({
      control: answers.filter(({ events }) => events.length === 0).map(withoutIds),
      events: answers
        .filter(({ events }) => events.length > 0)
        .flatMap(({ id, events }) => events.map((event) => ({ id, event })))
        .sort((a, b) => Number(a.id - b.id)),
    }));
    expect(our, `FC_SEED=${seed}`).toEqual(real);
    for (const { stream } of streams) stream.close(8);
  }
});

function withoutIds({ header, ...rest }: WatchAnswer): object {
  return { ...rest, revision: header.revision };
}

interface Plain {
  readonly revision: bigint;
  readonly fields: readonly string[];
}

/** What must be the same of an answer: of its header the revision, and of the rest all. */
function plain(path: string, message: ProtobufReader): Plain {
  let revision = 0n;
  const fields: string[] = [];
  while (message.next()) {
    if (message.field === 1) {
      const header = message.message();
      while (header.next()) {
        if (header.field === 3) revision = header.int64();
        else header.skip();
      }
    } else if (message.wireType === 0) {
      const number = message.int64();
      // The seconds that are left may be counted a moment apart.
      const isLeft = path === "Lease/LeaseTimeToLive" && message.field === 3 && number > 0n;
      fields.push(`${message.field}: ${isLeft ? "some" : number}`);
    } else {
      fields.push(`${message.field}: ${Buffer.from(message.bytes()).toString("hex")}`);
    }
  }
  // Leases and their keys come in any order.
  return { revision, fields: path.startsWith("Lease/") ? fields.sort() : fields };
}
