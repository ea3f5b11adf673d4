import { systemClock } from "../../clock.ts";
import { StoreError } from "../../errors.ts";
import type { Credentials } from "../wire/auth-messages.ts";
import { Calls } from "./calls.ts";
import { Channel } from "./channel.ts";
import { parseEndpoints } from "./endpoints.ts";
import { type MemberStatus, memberStatus } from "./member-status.ts";
import { authenticate } from "./methods.ts";
import { openConnection } from "./open-connection.ts";
import { SignIn } from "./sign-in.ts";
import type { TlsOptions } from "./tls-options.ts";

export interface ProbeOptions {
  readonly tls?: TlsOptions | undefined;
  readonly auth?: Credentials | undefined;
  readonly connectTimeoutMs: number;
  readonly callTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks one member by itself, on a connection of its own, for what it says of itself. Newer versions
 * tell only whom they know.
 *
 * @throws {StoreError} which says what is wrong with it, or with the user.
 */
export async function askMember(endpoint: string, options: ProbeOptions): Promise<MemberStatus> {
  const { auth, signal } = options;
  return visit(endpoint, options, async (calls, channel) => {
    const route = { channel, user: auth?.username };
    const authenticated = auth && {
      ...route,
      signIn: new SignIn(systemClock, () => calls.call(route, authenticate, auth, { signal })),
    };
    return calls.call(authenticated ?? route, memberStatus, undefined, { signal });
  });
}

/**
 * Signs in at one member. Resolves with whether it has users at all.
 *
 * @throws {StoreError} when it does not let us in.
 */
export async function signInAt(
  endpoint: string,
  auth: Credentials,
  options: ProbeOptions,
): Promise<boolean> {
  const { signal } = options;
  try {
    await visit(endpoint, options, (calls, channel) =>
      calls.call({ channel, user: auth.username }, authenticate, auth, { signal }),
    );
    return true;
  } catch (error) {
    if (error instanceof StoreError && isNotEnabled(error)) return false;
    throw error;
  }
}

function isNotEnabled({ message }: StoreError): boolean {
  return message.includes("authentication is not enabled");
}

async function visit<T>(
  endpoint: string,
  { tls: given, connectTimeoutMs: timeoutMs, callTimeoutMs }: ProbeOptions,
  work: (calls: Calls, channel: Channel) => Promise<T>,
): Promise<T> {
  const endpoints = parseEndpoints([endpoint]);
  const tls = given ?? (endpoints[0]?.secure ? {} : undefined);
  const channel = new Channel(endpoints, 0, systemClock, (one, closing) =>
    openConnection(one, { clock: systemClock, timeoutMs, tls, signal: closing }),
  );
  const calls = new Calls(systemClock, callTimeoutMs);
  try {
    return await work(calls, channel);
  } finally {
    calls.close();
    await channel.close();
  }
}
