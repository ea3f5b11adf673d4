import { MicrolockError } from "./microlock-error.ts";

/**
 * A resource has seen a larger fencing token: this one's holder has lost the lock, and somebody
 * else has written since. Nothing was written. Treat it as a lost lock.
 */
export class StaleTokenError extends MicrolockError {
  /** What refused the token, by the name that it goes by there. */
  readonly resource: string;
  /** The token that came too late. */
  readonly token: bigint;
  /** The largest token that the resource had seen, if it said so. */
  readonly highest: bigint | undefined;

  /** `resource` is what refused the `token`, because it had seen `highest`. */
  constructor(resource: string, token: bigint, highest?: bigint) {
    const seen = highest === undefined ? "a larger one" : highest;
    super("STALE_TOKEN", `Fencing token ${token} is too old: "${resource}" has seen ${seen}`);
    this.resource = resource;
    this.token = token;
    this.highest = highest;
  }
}
