/** Etcd says that the session's lease or key is gone. Whoever owns the session has been told why. */
export class SessionGoneError extends Error {
  override name = "SessionGoneError";

  constructor(options?: ErrorOptions) {
    super("The session's lease is gone", options);
  }
}
