import type { Clock } from "../../clock.ts";
import { ClosedError } from "../../errors.ts";
import type { Watch, WatchObserver, WatchRequest } from "../api.ts";
import type { WatchAnswer } from "../wire/watch-messages.ts";
import type { Route } from "./calls.ts";
import { cancelOutcome } from "./cancel-reason.ts";
import type { Connection } from "./connection.ts";
import { isPermanent, isStaleToken, toStoreError } from "./errors.ts";
import type { CallFailure } from "./failures.ts";
import { WatchState } from "./watch-state.ts";
import { WatchStream } from "./watch-stream.ts";

const method = "Watch/Watch";
// The first watch of a client, which is its session's, comes along with its first lock, and is
// in less of a hurry: to open its connection takes this process some milliseconds.
const firstAfterMs = 20;
const stableMs = 1_000;
const pauseMsMin = 50;
const pauseMsMax = 500;

/** All watches, on one stream, which is replaced as often as need be. */
export class Watches {
  readonly #route: Route;
  readonly #clock: Clock;
  readonly #all = new Set<WatchState>();
  #stream: WatchStream | undefined;
  #keeping: Promise<void> | undefined;
  #endPause: () => void = () => {};
  #isClosed = false;
  #isFirst = true;

  constructor(route: Route, clock: Clock) {
    this.#route = route;
    this.#clock = clock;
  }

  watch(request: WatchRequest, observer: WatchObserver): Watch {
    const watch = new WatchState(request, observer, () => this.#remove(watch));
    if (this.#isClosed) {
      queueMicrotask(() => watch.end(new ClosedError("The store")));
      return watch;
    }
    this.#all.add(watch);
    if (this.#stream) this.#create(this.#stream, watch);
    this.#keeping ??= this.#keepUp();
    return watch;
  }

  /** Ends all watches, and resolves when nothing goes on any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#endAll(new ClosedError("The store"));
    await this.#keeping;
  }

  #remove(watch: WatchState): void {
    this.#all.delete(watch);
    if (this.#all.size > 0) {
      this.#stream?.cancel(watch);
    } else {
      this.#stream?.end();
      this.#endPause();
    }
  }

  #endAll(error: Error): void {
    const all = [...this.#all];
    this.#all.clear();
    this.#stream?.end();
    this.#endPause();
    for (const watch of all) watch.end(error);
  }

  /** As long as there are watches, there is a stream, or an attempt to get one. */
  async #keepUp(): Promise<void> {
    let failures = 0;
    if (this.#isFirst) await this.#pause(firstAfterMs);
    this.#isFirst = false;
    while (this.#all.size > 0) {
      if (failures > 0) await this.#pause(pauseMs(failures));
      if (this.#all.size === 0) break;
      const wentWell = await this.#liveThroughStream();
      failures = wentWell ? 0 : failures + 1;
    }
    this.#keeping = undefined;
  }

  /** Opens a stream with all watches on it, and resolves when it is over: to whether it was a good one. */
  async #liveThroughStream(): Promise<boolean> {
    try {
      const { channel, signIn } = this.#route;
      const connection = channel.current ?? (await channel.connect());
      const token = await signIn?.token();
      if (this.#all.size === 0) return true;

      const openedAt = this.#clock.now();
      let stream: WatchStream | undefined;
      let isIdle = false;
      const failure = await new Promise<CallFailure | undefined>((resolve) => {
        stream = new WatchStream(connection, token, this.#clock, {
          onCanceled: (watch, answer) => this.#onCanceled(watch, answer),
          onOver: (reason) => {
            this.#stream = undefined;
            isIdle = this.#all.size === 0;
            resolve(reason);
          },
        });
        this.#stream = stream;
        for (const watch of this.#all) this.#create(stream, watch);
      });
      if (failure) this.#learnFrom(failure, connection, token);
      // A server that lets watches stand only to drop them is no reason to hurry.
      const wasStable = this.#clock.now() - openedAt >= stableMs;
      return isIdle || (wasStable && stream?.wasUseful === true);
    } catch (error) {
      const reason = toStoreError(error, { method });
      if (isPermanent(reason)) this.#endAll(reason);
      return false;
    }
  }

  #create(stream: WatchStream, watch: WatchState): void {
    try {
      stream.create(watch);
    } catch (error) {
      // The request itself cannot be sent: a revision beyond 64 bits.
      this.#all.delete(watch);
      queueMicrotask(() => {
        watch.end(error as Error);
        if (this.#all.size === 0) this.#stream?.end();
      });
    }
  }

  /** Decides by what ended a stream where the next one goes; throws if there is to be none. */
  #learnFrom(failure: CallFailure, connection: Connection, token: string | undefined): void {
    const { signIn } = this.#route;
    if (signIn && failure.kind === "answered" && isStaleToken(failure)) {
      signIn.reject(token);
      return;
    }
    connection.retire();
    const error = toStoreError(failure, { method, endpoint: connection.endpoint.name });
    if (isPermanent(error)) throw error;
  }

  #onCanceled(watch: WatchState, answer: WatchAnswer): void {
    const outcome = cancelOutcome(answer);
    const { signIn } = this.#route;
    if (outcome.kind === "move") {
      this.#stream?.connection.retire();
    } else if (outcome.kind === "sign in" && signIn && !watch.hasSignedIn) {
      watch.hasSignedIn = true;
      signIn.reject(this.#stream?.token);
      this.#stream?.end();
    } else {
      this.#all.delete(watch);
      watch.end(outcome.error);
      if (this.#all.size === 0) this.#stream?.end();
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const stopTimer = this.#clock.setTimer(delayMs, resolve, { keepsProcessAlive: false });
      this.#endPause = () => {
        stopTimer();
        resolve();
      };
    });
  }
}

/** Short and jittered, so that a cluster that comes back finds us soon, but not all of us at once. */
function pauseMs(failures: number): number {
  const longestMs = Math.min(pauseMsMin * 2 ** failures, pauseMsMax);
  return pauseMsMin + Math.random() * (longestMs - pauseMsMin);
}
