import type { Hold } from "../../core/hold.ts";
import type { Holder, LockLostError } from "../../errors.ts";
import type { Args } from "../args.ts";
import { messageOf } from "../exit-codes.ts";
import { jsonOf, type Out } from "../io.ts";
import { visible } from "../show/visible.ts";
import { SignalReceived } from "../signal-received.ts";
import { StdinClosed } from "../stdin-closed.ts";
import type { Ending } from "./child.ts";

/** Tells what happens, to people or in JSON. Of a command that is run, stdout is its own. */
export class Narrator {
  readonly #out: Out;
  readonly #who: string;
  readonly #isJson: boolean;
  readonly #isVerbose: boolean;
  #hasWaited = false;

  constructor(args: Args, out: Out, who = "microlock run") {
    this.#out = out;
    this.#who = who;
    this.#isJson = args.flag("json");
    this.#isVerbose = args.flag("verbose");
  }

  waiting(name: string, position: number, holder: Holder | undefined): void {
    const who = holder?.nodeId ?? holder?.key ?? "somebody";
    const what = holder?.reason ? ` (${holder.reason})` : "";
    const text = `waiting for ${JSON.stringify(name)}, held by ${who}${what}; place ${position} in the queue`;
    // Whoever sits before a terminal wonders what it waits for.
    const isNews = this.#isVerbose || (this.#out.isTerminal && !this.#hasWaited);
    this.#hasWaited = true;
    this.#tell({ event: "waiting", name, position, holder }, isNews ? visible(text) : undefined);
  }

  acquired({ names, fencingToken, keys, lease }: Hold): void {
    const text = `${names.map((name) => JSON.stringify(name)).join(", ")} is ours, token ${fencingToken}`;
    const facts = { names, token: fencingToken, keys, lease: lease.toString(16) };
    this.#tell({ event: "acquired", ...facts }, this.#isVerbose ? text : undefined);
  }

  lost(error: LockLostError): void {
    const { reason, cause } = error;
    const why = cause instanceof Error ? ` (${cause.message})` : "";
    this.#tell({ event: "lost", reason, cause: why || undefined }, visible(error.message + why));
  }

  killed(): void {
    this.#tell({ event: "killed" }, "the command goes on, and is killed");
  }

  ended({ exitCode, failure }: Ending): void {
    const text =
      failure ?? (this.#isVerbose ? `the command has ended with ${exitCode}` : undefined);
    this.#tell({ event: "ended", exitCode, failure }, text);
  }

  released(): void {
    this.#tell({ event: "released" }, this.#isVerbose ? "released" : undefined);
  }

  failed(error: unknown): void {
    const message = messageOf(error);
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    // Whoever sent a signal knows.
    const isOurDoing = error instanceof SignalReceived && !(error instanceof StdinClosed);
    this.#tell({ event: "failed", code, message }, isOurDoing ? undefined : message);
  }

  #tell(
    event: { readonly event: string; readonly [fact: string]: unknown },
    text: string | undefined,
  ): void {
    if (this.#isJson) this.#out.write(`${jsonOf(event)}\n`);
    else if (text !== undefined) this.#out.write(`${this.#who}: ${text}\n`);
  }
}
