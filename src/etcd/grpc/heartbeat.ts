import type { ClientHttp2Session } from "node:http2";
import type { Clock } from "../../clock.ts";

// A server of gRPC breaks with whoever pings it more often than every 5 s, or while no
// stream is open.
const quietMs = 10_000;
const answerMs = 5_000;

/** Finds out that a connection is dead: pings it when calls are under way and nothing comes back. */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #session: Pick<ClientHttp2Session, "ping">;
  readonly #isBusy: () => boolean;
  readonly #onDead: () => void;
  #heardAt: number;
  #stopTimer: (() => void) | undefined;
  #stopped = false;

  constructor(
    clock: Clock,
    session: Pick<ClientHttp2Session, "ping">,
    { isBusy, onDead }: { readonly isBusy: () => boolean; readonly onDead: () => void },
  ) {
    this.#clock = clock;
    this.#session = session;
    this.#isBusy = isBusy;
    this.#onDead = onDead;
    this.#heardAt = clock.now();
  }

  /** A call begins. */
  begin(): void {
    if (!this.#stopTimer) this.#listen();
  }

  /** The peer said something. */
  hear(): void {
    this.#heardAt = this.#clock.now();
  }

  stop(): void {
    this.#stopped = true;
    this.#stopTimer?.();
  }

  #listen(): void {
    if (this.#stopped) return;
    const quietForMs = this.#clock.now() - this.#heardAt;
    this.#arm(Math.max(quietMs - quietForMs, 0), () => {
      if (!this.#isBusy()) return;
      if (this.#clock.now() - this.#heardAt < quietMs) this.#listen();
      else this.#ping();
    });
  }

  #ping(): void {
    this.#arm(answerMs, this.#onDead);
    // A ping that cannot even be sent ends the same way, when its time is up.
    this.#session.ping((error) => {
      if (error) return;
      this.hear();
      this.#stopTimer?.();
      this.#stopTimer = undefined;
      this.#listen();
    });
  }

  // One timer for as long as the connection is in use, not one per call.
  #arm(delayMs: number, wake: () => void): void {
    const fire = (): void => {
      this.#stopTimer = undefined;
      wake();
    };
    this.#stopTimer = this.#clock.setTimer(delayMs, fire, { keepsProcessAlive: false });
  }
}
