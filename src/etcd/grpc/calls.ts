import type { Clock } from "../../clock.ts";
import { ClosedError, type StoreStatus } from "../../errors.ts";
import type { CallOptions } from "../api.ts";
import { encodeFrame } from "../wire/framing.ts";
import { CallBounds } from "./call-bounds.ts";
import type { Channel } from "./channel.ts";
import type { Connection } from "./connection.ts";
import { type CallContext, deadlineError, isStaleToken, toStoreError } from "./errors.ts";
import { CallFailure } from "./failures.ts";
import type { Method } from "./methods.ts";
import type { SignIn } from "./sign-in.ts";

/** Where a call goes, and who signs in for it. */
export interface Route {
  readonly channel: Channel;
  readonly signIn?: SignIn | undefined;
  /** As errors name the user. */
  readonly user?: string | undefined;
}

const nonsense: readonly StoreStatus[] = ["INTERNAL", "UNKNOWN", "UNIMPLEMENTED"];

/** All calls under way that wait for one answer. */
export class Calls {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #underWay = new Set<CallBounds>();
  #isClosed = false;

  /** `timeoutMs` is for calls that bring no limit of their own. */
  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Asks etcd once. Asks again only when the first request surely had no effect: it never left
   * this machine, the server says that it did not look at it, or the token was not good.
   */
  async call<Request, Response>(
    { channel, signIn, user }: Route,
    method: Method<Request, Response>,
    request: Request,
    options: CallOptions = {},
  ): Promise<Response> {
    if (this.#isClosed) throw new ClosedError("The store");
    options.signal?.throwIfAborted();
    const frame = encodeFrame(request, method.encode);
    const { endpoints } = channel;
    const context: CallContext & { endpoint?: string } = { method: method.name, endpoints, user };
    const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
    const bounds = new CallBounds(this.#clock, options, timeoutMs, () =>
      deadlineError(timeoutMs, context),
    );
    this.#underWay.add(bounds);

    let connection: Connection | undefined;
    let token: string | undefined;
    let isRenewed = false;
    let attemptsLeft = channel.size + 1;
    try {
      for (;;) {
        try {
          connection = channel.current ?? (await bounds.within(channel.connect()));
          const ticket = signIn?.token();
          token = ticket instanceof Promise ? await bounds.within(ticket) : ticket;
          context.endpoint = connection.endpoint.name;
          const answer = await connection.call({ method: method.name, token }, frame, bounds);
          return method.decode(answer);
        } catch (error) {
          if (bounds.ended) throw bounds.ended.error;
          const isAnswered = error instanceof CallFailure && error.kind === "answered";
          if (error instanceof CallFailure && error.kind === "unsent" && --attemptsLeft > 0) {
            connection?.retire();
          } else if (isAnswered && signIn && !isRenewed && isStaleToken(error)) {
            isRenewed = true;
            signIn.reject(token);
          } else {
            // A member that cannot serve, for want of a leader say, may have peers that can.
            // What makes no sense on a connection may make none ever after: headers refer to earlier ones.
            const isNonsense = error instanceof CallFailure && nonsense.includes(error.status);
            const isUnable = isAnswered && error.status === "UNAVAILABLE" && channel.size > 1;
            if (isNonsense || isUnable) connection?.retire();
            throw toStoreError(error, context);
          }
        }
      }
    } finally {
      bounds.release();
      this.#underWay.delete(bounds);
    }
  }

  /** Ends all calls, and refuses later ones. */
  close(): void {
    this.#isClosed = true;
    for (const bounds of [...this.#underWay]) bounds.end("close", new ClosedError("The store"));
  }
}
