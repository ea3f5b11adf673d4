import { systemClock } from "../../clock.ts";
import { StoreError } from "../../errors.ts";
import type { Credentials } from "../wire/auth-messages.ts";
import { Calls } from "./calls.ts";
import { Channel } from "./channel.ts";
import { parseEndpoints } from "./endpoints.ts";
import { type MemberStatus, memberStatus } from "./member-status.ts";
import { authenticate } from "./methods.ts";
import { openConnection } from "./open-connection.ts";
import type { TlsOptions } from "./tls-options.ts";

export interface ProbeOptions {
  readonly tls?: TlsOptions | undefined;
  readonly auth?: Credentials | undefined;
  readonly connectTimeoutMs: number;
  readonly callTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What one member says when it is asked by itself. */
export interface Probe {
  readonly status: MemberStatus;
  /** Whether it has users, as far as signing in tells: undefined if nobody was to sign in. */
  readonly hasUsers: boolean | undefined;
}

/**
 * Asks one member by itself, on a connection of its own.
 *
 * @throws {StoreError} which says what is wrong with it, or with the user.
 */
export async function probe(endpoint: string, options: ProbeOptions): Promise<Probe> {
  const { auth, connectTimeoutMs: timeoutMs, callTimeoutMs, signal } = options;
  const endpoints = parseEndpoints([endpoint]);
  const tls = options.tls ?? (endpoints[0]?.secure ? {} : undefined);
  const channel = new Channel(endpoints, 0, (one, closing) =>
    openConnection(one, { clock: systemClock, timeoutMs, tls, signal: closing }),
  );
  const calls = new Calls(systemClock, callTimeoutMs);
  try {
    const status = await calls.call({ channel }, memberStatus, undefined, { signal });
    const route = { channel, user: auth?.username };
    const hasUsers =
      auth && (await calls.call(route, authenticate, auth, { signal }).then(isToken, isNone));
    return { status, hasUsers };
  } finally {
    calls.close();
    await channel.close();
  }
}

function isToken(token: string): boolean {
  return token !== "";
}

function isNone(error: unknown): boolean {
  if (error instanceof StoreError && error.message.includes("authentication is not enabled"))
    return false;
  throw error;
}
