import type { HistoryEvent, Mode, RequestEvent } from "../../../src/testkit/history/event.ts";
import { type Request, requestsOf } from "../../../src/testkit/history/request.ts";

const line =
  /^(?:(\d+): )?(\S+) (asks|gets|leaves|gives up|loses|shares|dies|stops|goes on|waits)\b(.*)$/;

/**
 * A history from lines such as "1/a asks to read y", "5: 1/a gets 7", "1/a loses since 6",
 * "2/b asks for 3 permits without waiting", "1/a asks to linger", "2 dies", or "everybody waits" for a lull. Without a
 * moment of its own, a line happens one millisecond after the one before. The lock is x unless it
 * says y, or both: "x and y".
 */
export function scripted(...lines: readonly string[]): readonly HistoryEvent[] {
  const asked = new Map<string, RequestEvent>();
  let at = 0;
  return lines.flatMap((text): readonly HistoryEvent[] => {
    const [, moment, who = "", verb, rest = ""] = line.exec(text) ?? [];
    at = moment === undefined ? at + 1 : Number(moment);
    if (verb === "dies") return [{ at, who, kind: "died" }];
    if (verb === "stops") return [{ at, who, kind: "stopped" }];
    if (verb === "goes on") return [{ at, who, kind: "went on" }];
    if (verb === "waits") return [{ at, who, kind: "lull" }];
    if (verb === "asks") {
      const request = ask(at, who, rest);
      asked.set(who, request);
      return ofEach(request);
    }
    const { waitMs: _, ...request } = asked.get(who) ?? ask(at, who, "");
    const [, number] = /(\d+)/.exec(rest) ?? [];
    switch (verb) {
      case "gets":
        return ofEach({ ...request, at, kind: "got", token: String(number) });
      case "shares":
        return ofEach({ ...request, at, kind: "shares" });
      case "leaves":
        return ofEach({ ...request, at, kind: "left" });
      case "loses":
        return ofEach({ ...request, at, kind: "lost", heldUntil: Number(number) });
      case "gives up":
        return ofEach({ ...request, at, kind: "gave up" });
      default:
        throw new Error(`Not understood: ${text}`);
    }
  });
}

/** The requests of such a history. */
export function scriptedRequests(lines: readonly string[]): readonly Request[] {
  return requestsOf(scripted(...lines));
}

function ofEach(event: RequestEvent): readonly RequestEvent[] {
  return (event.names ?? [event.name]).map((name) => ({ ...event, name }));
}

function ask(at: number, who: string, rest: string): RequestEvent {
  const [, permits] = /for (\d+) permits/.exec(rest) ?? [];
  const [, verb] = /to (read|write)/.exec(rest) ?? [];
  return {
    at,
    who,
    kind: "asked",
    name: rest.includes(" y") ? "y" : "x",
    mode: permits ? "permits" : ((verb ?? "exclusive") as Mode),
    permits: Number(permits ?? 1),
    ...(rest.includes("x and y") ? { names: ["x", "y"] } : {}),
    ...(rest.includes("without waiting") ? { waitMs: 0 } : {}),
    ...(rest.includes("to linger") ? { lingers: true } : {}),
  };
}
