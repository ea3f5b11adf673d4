import { StoreUnavailableError } from "../../src/errors.ts";
import type { CallOptions, Etcd } from "../../src/etcd/api.ts";

/** What becomes of one request: it never arrives, its reply is lost, or it arrives much later. */
export type Fault = "lost request" | "lost reply" | "late request";

type Unary = Exclude<keyof Etcd, "watch" | "close">;
type Call = (argument: never, options?: CallOptions) => Promise<unknown>;

type FaultAt = (index: number, name: Unary) => Fault | undefined | Promise<Fault | undefined>;

/** An etcd behind a network that fails when the test wants it to. */
export class FaultyEtcd {
  /** The same etcd, as its client sees it. */
  readonly port: Etcd;
  /** The requests that were sent, by name. */
  readonly sent: Unary[] = [];
  readonly #late: (() => Promise<unknown>)[] = [];
  #faultAt: FaultAt = () => undefined;

  constructor(etcd: Etcd) {
    const call = <Name extends Unary>(name: Name): Etcd[Name] => {
      const send = (argument: never, options?: CallOptions): Promise<unknown> =>
        (etcd[name] as Call).call(etcd, argument, options);
      return ((argument: never, options?: CallOptions) =>
        this.#send(name, () => send(argument, options))) as Etcd[Name];
    };
    this.port = {
      txn: call("txn"),
      compact: call("compact"),
      leaseGrant: call("leaseGrant"),
      leaseKeepAlive: call("leaseKeepAlive"),
      leaseRevoke: call("leaseRevoke"),
      leaseTimeToLive: call("leaseTimeToLive"),
      watch: (request, observer) => etcd.watch(request, observer),
      close: () => etcd.close(),
    };
  }

  /**
   * From now on, `faultAt` says what becomes of each request; they are counted from 0. What
   * it does meanwhile happens before the request arrives.
   */
  fail(faultAt: FaultAt): void {
    this.sent.length = 0;
    this.#faultAt = faultAt;
  }

  /** From now on, all goes well. What was late stays under way. */
  mend(): void {
    this.fail(() => undefined);
  }

  /** Lets the late requests arrive. */
  async arrive(): Promise<void> {
    for (const send of this.#late.splice(0)) await send().catch(() => {});
  }

  async #send(name: Unary, send: () => Promise<unknown>): Promise<unknown> {
    this.sent.push(name);
    const fault = await this.#faultAt(this.sent.length - 1, name);
    if (!fault) return send();
    if (fault === "lost reply") await send();
    if (fault === "late request") this.#late.push(send);
    throw new StoreUnavailableError(`No answer: ${fault}`);
  }
}
