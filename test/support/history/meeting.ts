import fc from "fast-check";

/** One time that somebody comes to a barrier. It is plain data, like the history. */
export interface Meeting {
  readonly primitive: "barrier";
  readonly name: string;
  readonly parties: number;
  /** How long it stays inside. */
  readonly stayMs: number;
  /** How long it does something else afterwards. */
  readonly restMs: number;
}

/** What meetings may be like. */
export interface MeetingOptions {
  /** How many have to come, by name: all agree on that. */
  readonly barriers: Readonly<Record<string, number>>;
  readonly longestStayMs: number;
  readonly longestRestMs: number;
}

export function anyMeeting(options: MeetingOptions): fc.Arbitrary<Meeting> {
  const { barriers, longestStayMs, longestRestMs } = options;
  const times = fc.record({
    stayMs: fc.nat({ max: longestStayMs }),
    restMs: fc.nat({ max: longestRestMs }),
  });
  return fc
    .tuple(fc.constantFrom(...Object.entries(barriers)), times)
    .map(([[name, parties], rest]) => ({ primitive: "barrier", name, parties, ...rest }));
}
