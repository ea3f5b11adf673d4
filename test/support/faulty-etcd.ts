import { StoreUnavailableError } from "../../src/errors.ts";
import type { Etcd } from "../../src/etcd/api.ts";
import { type UnaryCall, wrappedEtcd } from "./wrapped-etcd.ts";

/** What becomes of one request: it never arrives, its reply is lost, or it arrives much later. */
export type Fault = "lost request" | "lost reply" | "late request";

type FaultAt = (index: number, name: UnaryCall) => Fault | undefined | Promise<Fault | undefined>;

/** An etcd behind a network that fails when the test wants it to. */
export class FaultyEtcd {
  /** The same etcd, as its client sees it. */
  readonly port: Etcd;
  /** The requests that were sent, by name. */
  readonly sent: UnaryCall[] = [];
  readonly #late: (() => Promise<unknown>)[] = [];
  #faultAt: FaultAt = () => undefined;

  constructor(etcd: Etcd) {
    this.port = wrappedEtcd(etcd, (name, send, options) => this.#send(name, () => send(options)));
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

  async #send<T>(name: UnaryCall, send: () => Promise<T>): Promise<T> {
    this.sent.push(name);
    const fault = await this.#faultAt(this.sent.length - 1, name);
    if (!fault) return send();
    if (fault === "lost reply") await send();
    if (fault === "late request") this.#late.push(send);
    throw new StoreUnavailableError(`No answer: ${fault}`);
  }
}
