import type { RunRecord } from "./run-record.ts";

/** What the ledger confirmed to have added is in it at the end. */
export function ledgerKeeps({ added, ledger }: RunRecord): string | undefined {
  const kept = new Set(ledger.items);
  const lost = added.filter((item) => !kept.has(item));
  if (lost.length === 0) return undefined;
  return `${lost.length} of ${added.length} confirmed additions were undone by others: ${lost.slice(0, 10).join(", ")}`;
}

/** The ledger takes no token after a larger one. */
export function ledgerTokensRise({ ledger }: RunRecord): string | undefined {
  const written = ledger.events.filter(({ kind }) => kind === "write");
  let highest = written[0];
  for (const write of written) {
    if (highest && write.token < highest.token) {
      return `${write.who} wrote with token ${write.token} at ${write.at.toFixed(0)} ms, after ${highest.who} had with ${highest.token} at ${highest.at.toFixed(0)} ms`;
    }
    highest = write;
  }
  return undefined;
}
