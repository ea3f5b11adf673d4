/**
 * All that reaches a replica inside the demo's own process, a timer, an answer, an event,
 * reaches it through here. So it can be stopped as SIGSTOP stops a process, and cut off as
 * SIGKILL does, without its knowing: none of its code runs unless something reaches it.
 */
export class Lifeline {
  #state: "running" | "paused" | "cut" = "running";
  /** What would have reached it since it was paused. */
  #due: (() => void)[] = [];
  #resuming = false;
  readonly #onCut = new Set<() => void>();

  /** Calls `wake` now, or once the pause is over, or never. */
  deliver(wake: () => void): void {
    if (this.#state === "cut") return;
    if (this.#state === "running" && this.#due.length === 0) wake();
    else this.#due.push(wake);
  }

  /** Settles as `promise` does, when that reaches the replica. */
  carry<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.deliver(() => resolve(value)),
        (error: unknown) => this.deliver(() => reject(error)),
      );
    });
  }

  /** Calls `end` when the replica is cut off, as the system closes what a dead process had open. */
  onCut(end: () => void): () => void {
    this.#onCut.add(end);
    return () => this.#onCut.delete(end);
  }

  pause(): void {
    if (this.#state === "running") this.#state = "paused";
  }

  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    this.#deliverDue();
  }

  cut(): void {
    this.#state = "cut";
    this.#due = [];
    for (const end of [...this.#onCut]) end();
    this.#onCut.clear();
  }

  /** One after the other, each in a turn of the event loop of its own, as after SIGCONT. */
  #deliverDue(): void {
    if (this.#resuming) return;
    this.#resuming = true;
    setImmediate(() => {
      this.#resuming = false;
      if (this.#state !== "running") return;
      this.#due.shift()?.();
      if (this.#due.length > 0) this.#deliverDue();
    });
  }
}
