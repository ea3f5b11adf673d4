import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { AuthOptions } from "../../connect-options.ts";
import { StoreDeniedError, StoreError, StoreUnavailableError } from "../../errors.ts";
import { parseEndpoint } from "../../etcd/grpc/endpoints.ts";
import { askMember, signInAt } from "../../etcd/grpc/probe.ts";
import type { TlsOptions } from "../../etcd/grpc/tls-options.ts";
import { wayOfEtcdctl } from "../../etcdctl.ts";
import type { Args } from "../args.ts";
import { settingsOf } from "../connection.ts";
import { messageOf } from "../exit-codes.ts";
import type { Answer } from "./members.ts";

/** Where the members are, and how to speak to them. */
export interface MembersWay {
  readonly endpoints: readonly string[];
  readonly tls: TlsOptions | undefined;
  readonly auth: AuthOptions | undefined;
  readonly connectTimeoutMs: number;
  readonly callTimeoutMs: number;
}

const connectTimeoutMsDefault = 1_000;
const callTimeoutMsDefault = 5_000;

/** The way by which `connect` would go. */
export function wayOf(args: Args, env: NodeJS.ProcessEnv): MembersWay {
  const settings = settingsOf(args, env);
  const { target, tls, auth } = wayOfEtcdctl(settings.env, {});
  const endpoints = String(target).split(",");
  return {
    endpoints,
    tls: tls as TlsOptions | undefined,
    auth,
    connectTimeoutMs: settings.connectTimeoutMs ?? connectTimeoutMsDefault,
    callTimeoutMs: settings.callTimeoutMs ?? callTimeoutMsDefault,
  };
}

/** Asks every member by itself, all at once. */
export async function askMembers(
  { endpoints, ...options }: MembersWay,
  signal: AbortSignal,
): Promise<readonly Answer[]> {
  const asked = endpoints.map(async (text): Promise<Answer> => {
    const { name: endpoint } = parseEndpoint(text, "--endpoints");
    try {
      const status = await askMember(text, { ...options, signal });
      return { endpoint, status, aheadMs: await clockAheadMs(text, options) };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StoreError)) throw error;
      if (!isRefusal(error)) return { endpoint, failure: failureOf(error) };
      return { endpoint, refusal: messageOf(error), aheadMs: await clockAheadMs(text, options) };
    }
  });
  return Promise.all(asked);
}

/**
 * Signs in by itself. Resolves with whether etcd has users; undefined if there is nobody to sign
 * in.
 */
export async function signIn(
  { endpoints, auth, ...options }: MembersWay,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  if (!auth) return undefined;
  for (const [index, endpoint] of endpoints.entries()) {
    try {
      return await signInAt(endpoint, auth, { ...options, signal });
    } catch (error) {
      const isGone = error instanceof StoreUnavailableError;
      if (!isGone || index === endpoints.length - 1) throw error;
    }
  }
  return undefined;
}

/**
 * By how much the clock of a member's host differs from ours, to a second: etcd's gRPC says
 * nothing of it, but on the same port it answers plain HTTP, which has a date.
 */
async function clockAheadMs(
  text: string,
  {
    tls,
    connectTimeoutMs,
  }: { readonly tls?: object | undefined; readonly connectTimeoutMs: number },
): Promise<number | undefined> {
  const { host, port, secure } = parseEndpoint(text);
  const isTls = tls !== undefined || secure === true;
  const options = { host, port, path: "/version", timeout: connectTimeoutMs, agent: false, ...tls };
  const askedAt = Date.now();
  return new Promise((resolve) => {
    const request = (isTls ? requestHttps : requestHttp)(options, (response) => {
      response.resume();
      const date = Date.parse(response.headers.date ?? "");
      // It is cut to whole seconds, so it lies half a second back on average.
      const ahead = date + 500 - (askedAt + Date.now()) / 2;
      resolve(Number.isNaN(ahead) ? undefined : ahead);
    });
    request.on("error", () => resolve(undefined));
    request.on("timeout", () => request.destroy());
    request.end();
  });
}

/** Whether etcd is there, and does not want to tell us, in contrast to TLS that does not fit. */
function isRefusal(error: StoreError): boolean {
  return error instanceof StoreDeniedError && error.status !== "UNAVAILABLE";
}

/** What is wrong with one endpoint, without saying once more which. */
function failureOf(error: StoreError): string {
  const message = messageOf(error);
  return /^No [\w ]+ at \S+ \((.*?)\)(?:$|\. )/.exec(message)?.[1] ?? message;
}
