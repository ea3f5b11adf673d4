/** One of those who run us holds the lock: it would wait for us, and we for it. */
export class HeldByOuterError extends Error {
  override name = "HeldByOuterError";

  constructor(name: string) {
    super(
      `lock ${JSON.stringify(name)} is held by the command that runs this one, and would never be free`,
    );
  }
}
