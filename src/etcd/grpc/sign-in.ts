import type { Clock } from "../../clock.ts";
import { StoreError } from "../../errors.ts";

/** Shorter lives are not foreseen: our clock and the server's may differ by as much. */
const foreseenLifeMsMin = 2_000;

/** A token, or none when etcd asks nobody for one. */
interface Ticket {
  readonly token: string | undefined;
  /** When to fetch the next one, on the monotonic clock. */
  readonly renewAt: number;
}

/** Holds the token that etcd gave for a user and a password, and fetches new ones in time. */
export class SignIn {
  readonly #clock: Clock;
  readonly #authenticate: () => Promise<string>;
  #ticket: Ticket | undefined;
  #pending: Promise<string | undefined> | undefined;

  constructor(clock: Clock, authenticate: () => Promise<string>) {
    this.#clock = clock;
    this.#authenticate = authenticate;
  }

  /**
   * The token at hand, or a promise of one; undefined when etcd asks nobody for one. All who
   * wait share one sign-in.
   */
  token(): string | undefined | Promise<string | undefined> {
    const ticket = this.#ticket;
    if (!ticket) return this.#fetch();
    // Nobody waits for a renewal; if it fails, the old token serves until etcd refuses it.
    if (this.#clock.now() >= ticket.renewAt) this.#fetch().catch(() => {});
    return ticket.token;
  }

  /** Etcd no longer takes `token`: the next one to ask gets another. */
  reject(token: string | undefined): void {
    if (this.#ticket?.token === token) this.#ticket = undefined;
  }

  #fetch(): Promise<string | undefined> {
    this.#pending ??= this.#signIn().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #signIn(): Promise<string | undefined> {
    let token: string | undefined;
    try {
      token = await this.#authenticate();
    } catch (error) {
      if (!isNotEnabled(error)) throw error;
    }
    this.#ticket = { token, renewAt: this.#clock.now() + renewInMs(token, this.#clock.wallTime()) };
    return token;
  }
}

function isNotEnabled(error: unknown): boolean {
  return error instanceof StoreError && error.message.includes("authentication is not enabled");
}

/** In how long a token should be renewed: at four fifths of a JWT's life; never for another kind. */
export function renewInMs(token: string | undefined, wallTime: number): number {
  const expiresAtMs = token === undefined ? undefined : readExpiry(token);
  if (expiresAtMs === undefined) return Number.POSITIVE_INFINITY;
  const lifeMs = expiresAtMs - wallTime;
  return lifeMs < foreseenLifeMsMin ? Number.POSITIVE_INFINITY : lifeMs * 0.8;
}

/** When a JWT ends, in milliseconds since 1970. Nothing is verified: that is the server's part. */
function readExpiry(token: string): number | undefined {
  const [, payload, signature] = token.split(".");
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const { exp } = JSON.parse(Buffer.from(payload, "base64url").toString());
    return typeof exp === "number" ? exp * 1_000 : undefined;
  } catch {
    return undefined; // not a JWT after all
  }
}
