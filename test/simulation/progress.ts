/** How far a run has come. */
export interface Count {
  readonly ran: number;
  readonly failed: number;
}

const tellMs = 5_000;

/** Tells every few seconds how far a run has come, how fast it goes, and how long that still takes. */
export function startProgress(count: Count, seeds: number): () => void {
  const startedAt = performance.now();
  const { stderr } = process;
  const telling = setInterval(() => {
    const line = progressLine(count, seeds, performance.now() - startedAt);
    stderr.write(stderr.isTTY ? `\r\u001b[K${line}` : `${line}\n`);
  }, tellMs);
  return () => {
    clearInterval(telling);
    if (stderr.isTTY) stderr.write("\r\u001b[K");
  };
}

/** The line that it tells, `ms` milliseconds after the beginning. */
export function progressLine({ ran, failed }: Count, seeds: number, ms: number): string {
  const rate = (ran / ms) * 1_000;
  const left = ran > 0 ? `${span((seeds - ran) / rate)} left` : "no seed is done yet";
  const failures = failed > 0 ? `, ${failed} failed` : "";
  return `${ran} of ${seeds} seeds${failures}, ${rate.toFixed(0)} a second, ${left}`;
}

function span(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} s`;
  return seconds < 7_200 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`;
}
