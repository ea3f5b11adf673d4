/** When all are gone, and one TTL is over, nothing of theirs is in etcd. */
export function nothingLeft(leftovers: readonly string[]): string | undefined {
  return leftovers.length > 0 ? `This was left behind: ${leftovers.join(", ")}` : undefined;
}
