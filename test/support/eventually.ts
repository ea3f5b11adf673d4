/** Resolves as soon as `condition` is true, looking often; rejects when it takes too long. */
export async function eventually(
  condition: () => boolean,
  { withinMs = 5_000 }: { readonly withinMs?: number } = {},
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Not true in ${withinMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
