import type { LockEvent } from "../../core/lock-events.ts";
import type { Line, Tone } from "../text.ts";
import { factsOf, fieldsOf, whoOf } from "./facts.ts";
import { visible } from "./visible.ts";

const tones: Readonly<Record<LockEvent["type"], Tone | undefined>> = {
  joined: "faint",
  acquired: "good",
  released: undefined,
  left: "faint",
  expired: "bad",
  revoked: "bad",
};

/** What happened to a lock, for people. */
export function lineOfEvent(event: LockEvent, now: number): Line {
  const { type, name, mode, fencingToken, reason } = event;
  const kind = mode === "exclusive" ? "" : ` (${mode})`;
  const why = reason ? `  ${visible(reason)}` : "";
  return [
    { text: `${new Date(now).toLocaleTimeString("en-GB")}  `, tone: "faint" },
    { text: type.padEnd(10), tone: tones[type] },
    { text: visible(name), tone: "strong" },
    { text: `  ${whoOf(event)}${kind}` },
    { text: `  token ${fencingToken}${why}`, tone: "faint" },
  ];
}

/** The same for programs. */
export function fieldsOfEvent(event: LockEvent, now: number): string {
  const { type, name, nodeId, key, mode, fencingToken, reason } = event;
  return fieldsOf([
    new Date(now).toISOString(),
    type,
    name,
    nodeId || key,
    mode,
    fencingToken,
    reason,
  ]);
}

/** The same in JSON. */
export function factsOfEvent(event: LockEvent, now: number): object {
  const { type, name, mode, revision } = event;
  return {
    time: new Date(now).toISOString(),
    event: type,
    name,
    mode,
    revision,
    ...factsOf(event),
  };
}
