/** Somebody wants the demo to end before its time. */
export class Interruption extends Error {
  override name = "Interruption";
  /** What a shell expects of a program that a signal ended. */
  readonly exitCode: number;

  constructor(signal: string, number: number) {
    super(`Interrupted by ${signal}`);
    this.exitCode = 128 + number;
  }
}

const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
const sigpipe = 13;

/** A signal that aborts when the process is asked to end, or nobody reads any longer what it prints. */
export function interruptions(): AbortSignal {
  const controller = new AbortController();
  for (const [signal, number] of Object.entries(signals)) {
    process.on(signal, () => controller.abort(new Interruption(signal, number)));
  }
  process.stdout.on("error", () => controller.abort(new Interruption("SIGPIPE", sigpipe)));
  return controller.signal;
}
