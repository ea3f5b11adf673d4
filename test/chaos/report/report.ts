import type { Figure, Figures } from "../figures.ts";
import type { Judgement, Verdict } from "../judge.ts";
import type { RunRecord } from "../run-record.ts";
import { rowsOf } from "./rows.ts";
import { escaped, timeline } from "./svg.ts";

/** A run as a page that needs nothing else: what was promised, what was measured, and what happened when. */
export function reportOf(record: RunRecord, judgement: Judgement, figures: Figures): string {
  const { etcd, seed, startedAt, endedAt, deeds } = record;
  const { verdicts } = judgement;
  const kept = verdicts.filter(({ violation }) => violation === undefined);
  const seconds = ((endedAt - startedAt) / 1_000).toFixed(0);
  const title = `${kept.length} of ${verdicts.length} promises kept`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Microlock under faults: ${title}</title>
<style>${style}</style>
</head>
<body>
<h1 class="${kept.length === verdicts.length ? "good" : "broken"}">${title}</h1>
<p>Three nodes of etcd ${escaped(etcd)}, ${record.clients} client processes, ${deeds.length} faults in ${seconds} s, seed ${seed}.</p>
${broken(verdicts)}
<h2>What happened</h2>
<p class="legend">${legend()}</p>
<div class="wide">${timeline(rowsOf(record, judgement), { from: startedAt, until: endedAt })}</div>
<h2>What was measured</h2>
<table>${figures.figures.map(figureRow).join("\n")}</table>
<h2>What was held</h2>
<table>${figures.byPrimitive.map(({ name, holds }) => row(name, `${holds} times`)).join("\n")}</table>
<h2>What was lost, and why</h2>
<table>${figures.losses.map(({ why, count }) => row(why, `${count} times`)).join("\n") || row("nothing", "")}</table>
<h2>What was promised</h2>
<ul>${verdicts.map(({ promise, violation }) => `<li class="${violation === undefined ? "good" : "broken"}">${escaped(promise)}</li>`).join("\n")}</ul>
<h2>What was done</h2>
<table>${deeds.map(({ story, target, failure }) => row(story, failure === undefined ? target : `${target} (${failure})`)).join("\n")}</table>
</body>
</html>
`;
}

function broken(verdicts: readonly Verdict[]): string {
  return verdicts
    .flatMap(({ promise, violation }) =>
      violation === undefined
        ? []
        : [`<h2 class="broken">${escaped(promise)}</h2>\n<pre>${escaped(violation)}</pre>`],
    )
    .join("\n");
}

function figureRow({ what, value, goal, isReached }: Figure): string {
  const told = goal === undefined ? value : `${value}, goal ${goal}`;
  return row(what, told, isReached === false ? "broken" : "");
}

function row(what: string, value: string, look = ""): string {
  return `<tr class="${look}"><th scope="row">${escaped(what)}</th><td>${escaped(value)}</td></tr>`;
}

const kinds = {
  fault: "a fault",
  leads: "leads",
  follows: "follows",
  leaderless: "has no leader",
  silent: "is silent",
  works: "works, writes",
  holds: "holds",
  lost: "is told of a loss",
  refused: "is refused",
  bad: "believes too long",
};

function legend(): string {
  return Object.entries(kinds)
    .map(([look, text]) => `<span class="${look}"></span>&nbsp;${text}`)
    .join(" &ensp; ");
}

const style = `
:root { color-scheme: light dark; --ink: #1c2330; --paper: #fff; --row: #f1f3f7; --line: #d4d9e2;
  --fault: #e8590c; --leads: #1c63d8; --follows: #a9c1ec; --leaderless: #f0b429; --silent: #8c95a4;
  --works: #2b9a58; --holds: #7048e8; --bad: #d6204e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e9f0; --paper: #14181f; --row: #1e242e;
  --line: #333c49; --leads: #4c8df6; --follows: #34507f; --silent: #5d6675; --holds: #9775fa; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.good { color: var(--works); } .broken, .broken td { color: var(--bad); }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
pre { overflow-x: auto; padding: 1rem; background: var(--row); border-radius: 6px; }
table { border-collapse: collapse; }
th { text-align: left; font-weight: normal; padding: .1rem 1.5rem .1rem 0; vertical-align: top; }
svg { display: block; } svg text { font-size: 11px; fill: var(--ink); }
svg .axis { stroke: var(--line); } svg .row { fill: var(--row); }
.legend span { display: inline-block; width: .9em; height: .9em; border-radius: 2px; }
${Object.entries({
  fault: "fault",
  leads: "leads",
  follows: "follows",
  leaderless: "leaderless",
  silent: "silent",
  works: "works",
  holds: "holds",
  lost: "bad",
  refused: "fault",
  bad: "bad",
})
  .map(([look, colour]) => `.${look} { fill: var(--${colour}); background: var(--${colour}); }`)
  .join("\n")}
svg .fault { opacity: .55; } svg .holds { opacity: .35; }`;
