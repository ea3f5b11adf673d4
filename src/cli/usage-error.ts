/** The command line is not what it should be. The message says what to write instead. */
export class UsageError extends Error {
  override name = "UsageError";
}
