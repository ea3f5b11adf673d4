import { InvalidOptionError } from "../errors.ts";
import type { Place } from "./place.ts";

/** What `detach` leaves for `attach`: which entries stand where, and on which lease. */
export interface Detached {
  readonly namespace: string;
  readonly names: readonly string[];
  readonly keys: readonly string[];
  readonly createRevision: bigint;
  readonly lease: bigint;
}

const version = "microlock-1";
// Etcd's numbers are signed and have 64 bits.
const largest = 2n ** 63n - 1n;

/** The string that `attach` takes. It is no secret, but whoever has it may take the lock. */
export function detached({ queues, keys, createRevision, session }: Place, lease: bigint): string {
  const { namespace } = session.options;
  const names = queues.map(({ name }) => name);
  const facts = [version, namespace, names, keys, `${createRevision}`, lease.toString(16)];
  return Buffer.from(JSON.stringify(facts)).toString("base64url");
}

/**
 * Reads such a string. It may come from anywhere.
 *
 * @throws {InvalidOptionError} when it is none.
 */
export function parseDetached(text: unknown): Detached {
  const facts = typeof text === "string" ? factsOf(text) : undefined;
  if (!facts) throw new InvalidOptionError("ticket", "what hold.detach() resolved with", text);
  return facts;
}

function factsOf(text: string): Detached | undefined {
  let facts: unknown;
  try {
    facts = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
  if (!Array.isArray(facts) || facts.length !== 6 || facts[0] !== version) return undefined;
  const [, namespace, names, keys, revision, lease] = facts as readonly unknown[];
  if (typeof namespace !== "string" || !areStrings(names) || !areStrings(keys)) return undefined;
  if (names.length === 0 || names.length !== keys.length) return undefined;
  if (typeof revision !== "string" || !/^[1-9]\d{0,18}$/.test(revision)) return undefined;
  if (typeof lease !== "string" || !/^[1-9a-f][0-9a-f]{0,15}$/.test(lease)) return undefined;
  const createRevision = BigInt(revision);
  const id = BigInt(`0x${lease}`);
  if (createRevision > largest || id > largest) return undefined;
  return { namespace, names, keys, createRevision, lease: id };
}

function areStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
