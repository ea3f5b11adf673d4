import type { Contender, Inspection } from "../../core/inspect.ts";
import { sayMs } from "../duration.ts";
import { type Line, wrap } from "../text.ts";
import { ageOf, fieldsOf, whoOf } from "./facts.ts";
import { visible } from "./visible.ts";
import { pad } from "./width.ts";

const indent = "       ";

/** A lock and all who stand in its queue, for people. */
export function storyOf(
  { name, holders, waiters }: Inspection,
  now: number,
  columns: number,
): readonly Line[] {
  const queue = waiters.length === 0 ? "nobody waits" : `${waiters.length} wait`;
  const title: Line = [
    { text: visible(name), tone: "strong" },
    { text: ` is held by ${holders.length === 1 ? "one" : holders.length}, and ${queue}.` },
  ];
  return [
    title,
    ...holders.flatMap((each) => [[], ...linesOf(each, "holds", now, columns)]),
    ...waiters.flatMap((each, index) => [[], ...linesOf(each, String(index + 1), now, columns)]),
  ];
}

function linesOf(
  contender: Contender,
  place: string,
  now: number,
  columns: number,
): readonly Line[] {
  const { mode, permits, value, reason, host, pid, fencingToken, lease, ttlLeftMs } = contender;
  const { key, since, isForeign, expires } = contender;
  const age = ageOf(since, now);
  const facts = [
    permits === undefined ? mode : `${permits} ${permits === 1 ? "permit" : "permits"}`,
    `token ${fencingToken}`,
    age && `asked ${age} ago`,
    isForeign && "no microlock client",
    !expires && "never expires",
    ttlLeftMs !== undefined && `${sayMs(ttlLeftMs)} left unless renewed`,
  ];
  const origin = [
    host !== undefined && `host ${visible(host)}`,
    pid !== undefined && `process ${pid}`,
    lease !== 0n && `lease ${lease.toString(16)}`,
    `key ${visible(key)}`,
  ];
  const said = [
    reason && `for ${visible(reason)}`,
    value && `proposes ${visible(value)}`,
    facts.filter(Boolean).join(", "),
    origin.filter(Boolean).join(", "),
  ];
  const tone = place === "holds" ? (expires ? "good" : "bad") : "busy";
  return [
    [
      { text: pad(place, indent.length), tone },
      { text: whoOf(contender), tone: "strong" },
    ],
    ...said
      .filter((text) => text !== undefined && text !== "")
      .flatMap((text) => wrap(indent + text, columns))
      .map((text): Line => [{ text }]),
  ];
}

/** The same for programs. */
export function fieldsOfContender(contender: Contender, place: number): string {
  const { nodeId, key, mode, fencingToken, since, ttlLeftMs, host, pid, lease, reason } = contender;
  return fieldsOf([
    place,
    nodeId || key,
    mode,
    fencingToken,
    since,
    ttlLeftMs === undefined ? undefined : Math.floor(ttlLeftMs / 1_000),
    host,
    pid,
    lease === 0n ? undefined : lease.toString(16),
    key,
    reason,
  ]);
}

/** What somebody who wonders why the lock is not free should know. `prefix` is what its keys begin with. */
export function hintsOf({ holders, waiters }: Inspection, prefix: string): readonly string[] {
  return [...holders, ...waiters].flatMap(({ key, mode, isForeign, expires }) => {
    const shown = visible(key);
    const isBelow = isForeign && mode === "exclusive" && key.slice(prefix.length).includes("/");
    return [
      ...(isBelow
        ? [
            `${shown} belongs to no queue of this lock, but lies below its key, and so keeps others out.`,
          ]
        : []),
      ...(expires
        ? []
        : [
            `${shown} has no lease and will never expire: delete it to free the lock, with etcdctl del.`,
          ]),
    ];
  });
}
