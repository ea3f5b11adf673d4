import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { queuePrefix } from "../../../src/core/keys.ts";
import type { Etcd } from "../../../src/etcd/api.ts";
import type { ConnectOptions, Hold } from "../../../src/index.ts";
import type { Locks } from "../../../src/locks.ts";
import { entriesBelow, textsOf } from "../keys.ts";

/** What an operation is tried on. */
export interface Stage {
  /** A client whose connections may be cut. */
  readonly locks: Locks;
  /** Another one, whose are not. */
  readonly others: Locks;
  /** The store itself. */
  readonly etcd: Etcd;
  /** A name that nobody has used before. All keys that begin with it are to go in the end. */
  readonly name: string;
  /** A client of its own, whose connections may be cut, in a namespace of its own below the name. */
  connect(options?: ConnectOptions): Promise<Locks>;
}

/** Finds out whether the outcome is what was told, and lets go of what was taken. */
export type Check = () => Promise<unknown>;

/** Something that is asked of etcd, and must come to one effect wherever its exchange breaks off. */
export interface Operation {
  readonly title: string;
  /** Prepares the stage, and returns the operation itself; that returns what checks its outcome. */
  prepare(stage: Stage): Promise<() => Promise<Check>>;
  /** Whether it can't be asked again when there was no answer, since what was held is given up then. */
  readonly isFinal?: boolean;
  /** Whether it waits for an answer for a second or so only: one that breaks off without a word is missed. */
  readonly isTimed?: boolean;
}

export type Taking<Held extends Hold = Hold> = (stage: Stage) => Promise<Held>;

/** Takes what is free. */
export function taking(title: string, take: Taking): Operation {
  return {
    title,
    prepare: async (stage) => async () => {
      const hold = await take(stage);
      return async () => {
        await isHeldOnce(stage, hold);
        await hold.release();
      };
    },
  };
}

/** Does something with what is held. */
export function holding<Held extends Hold>(
  title: string,
  take: Taking<Held>,
  change: (stage: Stage, hold: Held) => Promise<Check>,
): Operation {
  return {
    title,
    prepare: async (stage) => {
      const hold = await take(stage);
      return () => change(stage, hold);
    },
  };
}

const soonMs = 10_000;

export const acquireIt: Taking = ({ locks, name }) => locks.acquire(name);

/** Several names, of which nobody has used one. */
export const several = ({ name }: Stage): readonly string[] => [name, `${name}/b`, `${name}/c`];

/** Who held is in their queues, each once and alone, under the token that it says, and believes so. */
export async function isHeldOnce(
  { etcd, locks: { namespace } }: Pick<Stage, "etcd" | "locks">,
  hold: Hold,
): Promise<void> {
  for (const [index, name] of hold.names.entries()) {
    const entries = await entriesBelow(etcd, queuePrefix(namespace, name));
    const own = entries.filter(({ lease }) => lease === hold.lease);
    assert.deepEqual(textsOf(own), [hold.keys[index]]);
    // What lingers beside a hold was made with it; nobody else is there.
    for (const { createRevision } of entries) assert.equal(createRevision, hold.fencingToken);
  }
  hold.assertHeld();
}

/** So many stand in the queue, at once or soon: what could not be told in time is told after that. */
export async function stands({ etcd, locks, name }: Stage, count: number): Promise<void> {
  const prefix = queuePrefix(locks.namespace, name);
  const giveUpAt = performance.now() + soonMs;
  for (;;) {
    const found = textsOf(await entriesBelow(etcd, prefix));
    if (found.length === count) return;
    if (performance.now() > giveUpAt) throw new Error(`not ${count}, but ${found} stand there`);
    await sleep(5);
  }
}

/** Nobody stands there, and nobody has to wait for that. */
export async function isFree(stage: Stage, names: readonly string[] = [stage.name]): Promise<void> {
  for (const name of names) {
    const left = await entriesBelow(stage.etcd, queuePrefix(stage.locks.namespace, name));
    assert.deepEqual(textsOf(left), []);
  }
}
