import type { Hold } from "../../core/hold.ts";
import type { Locks } from "../../locks.ts";
import { HeldByOuterError } from "./held-by-outer-error.ts";

// One outside of another, each as `key@token`, with what the key has in it percent-encoded.
const variable = "MICROLOCK_STACK";

interface Outer {
  readonly key: string;
  readonly token: string;
}

/** The stack for those who are run inside a hold. */
export function stackWith(env: NodeJS.ProcessEnv, hold: Hold): string {
  const held = hold.keys.map((key) => `${encodeURIComponent(key)}@${hold.fencingToken}`);
  return [...(env[variable]?.split(" ") ?? []), ...held].join(" ");
}

/**
 * Makes sure that nobody who runs us holds one of the locks. The stack may be older than that, so etcd is asked.
 *
 * @throws {HeldByOuterError}
 */
export async function checkStack(
  env: NodeJS.ProcessEnv,
  locks: Locks,
  names: readonly string[],
): Promise<void> {
  const outers = outersOf(env[variable]);
  if (outers.length === 0) return;
  for (const name of names) {
    const prefix = `${locks.keyOf(name)}/`;
    for (const outer of outers.filter(({ key }) => key.startsWith(prefix))) {
      if (await stands(locks, outer)) throw new HeldByOuterError(name);
    }
  }
}

function outersOf(stack: string | undefined): readonly Outer[] {
  const parts = (stack ?? "").split(" ").map((part) => /^(.+)@(\d+)$/.exec(part));
  return parts.flatMap((part) => {
    const [, key = "", token = ""] = part ?? [];
    try {
      return key === "" ? [] : [{ key: decodeURIComponent(key), token }];
    } catch {
      return []; // somebody else's variable
    }
  });
}

async function stands({ etcd }: Locks, { key, token }: Outer): Promise<boolean> {
  const { succeeded } = await etcd.txn({
    compare: [
      {
        key: Buffer.from(key),
        target: "createRevision",
        result: "equal",
        operand: BigInt(token),
      },
    ],
  });
  return succeeded;
}
