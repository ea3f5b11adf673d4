import { startServer } from "../../../scripts/etcd-server.mjs";
import type { EtcdBinaries } from "../../../scripts/etcd-version.mjs";
import { GrpcEtcd } from "../../../src/etcd/grpc/grpc-etcd.ts";
import { operations } from "./operations.ts";
import type { Operation } from "./stage.ts";
import { Sweeper } from "./sweep.ts";

/** What is to be cut, and how finely. */
export interface EveryByteOptions {
  readonly etcd: EtcdBinaries;
  readonly operations: readonly Operation[];
  /** Every how many bytes. */
  readonly every: number;
}

const laneCount = 24;
const tellEveryMs = 10_000;

/** The operations that have a text in their titles. */
export function operationsLike(text: string): readonly Operation[] {
  return operations.filter(({ title }) => title.includes(text));
}

/**
 * Cuts the exchange of each operation with a real etcd behind every byte, and says so meanwhile.
 * Resolves with whether each cut came to what it should.
 */
export async function cutEveryByte(options: EveryByteOptions): Promise<boolean> {
  const { etcd, every } = options;
  const server = await startServer(etcd);
  const store = new GrpcEtcd({ endpoints: [server.endpoint] });
  const sweeper = await Sweeper.start(server.endpoint, store, { lanes: laneCount });
  const startedAt = performance.now();
  const seconds = (): string => `${Math.round((performance.now() - startedAt) / 1_000)} s`;
  let tried = 0;
  const telling = setInterval(() => console.log(`${tried} cuts, ${seconds()}`), tellEveryMs);
  try {
    const { cutsOf, failures } = await sweeper.sweep(options.operations, {
      ...{ unit: "bytes", kind: "reset", stride: every },
      onTried: () => {
        tried += 1;
      },
    });
    for (const [{ title }, cuts] of cutsOf) console.log(`${String(cuts).padStart(6)}  ${title}`);
    for (const failure of failures) console.log(failure);
    const sum = [...cutsOf.values()].reduce((all, cuts) => all + cuts, failures.length);
    console.log(
      `${sum} cuts of ${cutsOf.size} operations on etcd ${server.version}: ${failures.length} failed; ${seconds()}`,
    );
    return failures.length === 0;
  } finally {
    clearInterval(telling);
    await sweeper.stop();
    await store.close();
    await server.stop();
  }
}
