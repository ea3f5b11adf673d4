import { constants } from "node:os";

/** What ends `microlock`, unless a command does something else with them. */
export const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The process was told to end by a signal. */
export class SignalReceived extends Error {
  override name = "SignalReceived";
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`ended by ${signal}`);
    this.signal = signal;
  }

  get exitCode(): number {
    return exitCodeOfSignal(this.signal);
  }
}

/** What a shell says of a command that a signal ended. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + (constants.signals[signal] ?? 0);
}
