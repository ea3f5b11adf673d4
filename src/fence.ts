import { checkFilled, checkKnown } from "./core/options.ts";
import { InvalidOptionError, StaleTokenError } from "./errors.ts";

const expected = "a fencing token: a bigint or a decimal string, from 1 to 2^63 - 1";
const tokenMax = 2n ** 63n - 1n;

/** What a token may come as. An HTTP header can be passed as Node.js has it: `check` sees to it. */
export type FencingToken = bigint | string | readonly string[] | undefined;

/** What a `Fence` begins with. */
export interface FenceOptions {
  /**
   * The largest token seen for each resource, as `JSON.parse` gives back what `JSON.stringify`
   * made of a fence.
   *
   * @default none
   */
  readonly highest?: Iterable<readonly [resource: string, token: bigint | string]> | undefined;
}

/**
 * Remembers the largest fencing token seen for each resource, and refuses smaller ones: for a
 * service that keeps in memory what a lock protects.
 *
 * ```ts
 * fence.check("accounts/7", request.headers["fencing-token"]); // throws if a newer holder was here
 * accounts.set("accounts/7", balance); // in the same turn: no `await` between the two
 * ```
 *
 * It knows what this object was told, no more. After a restart it takes any token, unless it is
 * given what it had seen: save that together with the data (`JSON.stringify(fence)`). Another
 * instance of the service has a fence of its own, which lets through what this one refuses. If
 * there are several, or if the write takes an `await`, let the database compare the tokens, in
 * the statement that writes: docs/fencing.md shows how.
 *
 * It keeps every name until `forget`, and believes any number: only check tokens of callers
 * whom you trust, since one that is far too large shuts out all who come after.
 */
export class Fence {
  readonly #highest = new Map<string, bigint>();

  /** @throws {InvalidOptionError} when `options` has what is no token. */
  constructor(options: FenceOptions = {}) {
    checkKnown(options, ["highest"]);
    for (const [resource, token] of options.highest ?? []) {
      checkFilled("resource", resource);
      const seen = parse(token);
      // Whatever their order: the largest counts.
      if (seen > (this.#highest.get(resource) ?? 0n)) this.#highest.set(resource, seen);
    }
  }

  /**
   * Returns the token if it is at least as large as all before it for this resource, and
   * remembers it. The same holder may come again and again.
   *
   * @throws {StaleTokenError} when a larger one was seen.
   * @throws {InvalidOptionError} when it is no token, as when the header is missing.
   */
  check(resource: string, token: FencingToken): bigint {
    checkFilled("resource", resource);
    const came = parse(token);
    const highest = this.#highest.get(resource);
    if (highest !== undefined && came < highest) throw new StaleTokenError(resource, came, highest);
    this.#highest.set(resource, came);
    return came;
  }

  /** The largest token seen for a resource, if any was. */
  highest(resource: string): bigint | undefined {
    return this.#highest.get(resource);
  }

  /** Forgets a resource that nobody will write to again: any token would be taken for it. */
  forget(resource: string): void {
    this.#highest.delete(resource);
  }

  /** All that it has seen, for `new Fence({ highest })`. */
  toJSON(): [resource: string, token: string][] {
    return [...this.#highest].map(([resource, token]) => [resource, String(token)]);
  }
}

function parse(token: unknown): bigint {
  const digits = typeof token === "string" && /^[1-9][0-9]{0,18}$/.test(token);
  const value = digits ? BigInt(token) : token;
  if (typeof value === "bigint" && value >= 1n && value <= tokenMax) return value;
  throw new InvalidOptionError("token", expected, token);
}
