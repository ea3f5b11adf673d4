import type { Recorded } from "./recorded.ts";

/** When all are gone, and one TTL is over, nothing of theirs is in etcd. */
export function nothingLeft({ leftovers }: Pick<Recorded, "leftovers">): string | undefined {
  return leftovers.length > 0 ? `This was left behind: ${leftovers.join(", ")}` : undefined;
}
