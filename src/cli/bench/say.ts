import type { Out } from "../io.ts";
import type { Measurement } from "./scenarios.ts";

const barMax = 40;

/** A measurement for people; with a histogram where it is seen. */
export function sayMeasurement(measurement: Measurement, out: Out): string {
  const { scenario, measures, perSecond, count } = measurement;
  const { p50Ms, p90Ms, p99Ms, maxMs } = measurement;
  const times = `p50 ${sayMs(p50Ms)}  p90 ${sayMs(p90Ms)}  p99 ${sayMs(p99Ms)}  max ${sayMs(maxMs)}`;
  const lines = [
    `${scenario}: ${Math.round(perSecond).toLocaleString("en")} a second`,
    `  ${times}  of ${count.toLocaleString("en")}`,
    ...(out.isTerminal ? [...histogram(measurement), `  (${measures})`] : []),
  ];
  return `${lines.join("\n")}\n`;
}

function histogram({ buckets, count }: Measurement): string[] {
  const most = Math.max(...buckets.map((bucket) => bucket.count));
  return buckets.map((bucket) => {
    const bar = "#".repeat(Math.ceil((bucket.count / most) * barMax));
    const share = ((bucket.count / count) * 100).toFixed(1).padStart(5);
    const bound = Number.isFinite(bucket.upToMs) ? `<= ${sayMs(bucket.upToMs)}` : "longer";
    return `  ${bound.padStart(11)} ${share} % ${bar}`;
  });
}

function sayMs(ms: number): string {
  return `${ms < 10 ? Number(ms.toFixed(2)) : Math.round(ms)} ms`;
}
