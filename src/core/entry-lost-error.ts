/** An entry of ours is not there any more, or not ours. */
export class EntryLostError extends Error {
  override name = "EntryLostError";
}
