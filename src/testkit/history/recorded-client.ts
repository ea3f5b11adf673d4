import type { Hold } from "../../core/hold.ts";
import { ProcessClock } from "../process-clock.ts";
import type { HistoryEvent, ProcessEvent, RequestEvent, Want } from "./event.ts";
import { type HoldEvent, RecordedHold } from "./recorded-hold.ts";

/** What somebody asks for. */
export interface Asked extends Want {
  readonly names: readonly string[];
  readonly waitMs?: number | undefined;
  readonly minHoldMs?: number | undefined;
  readonly windowMs?: number | undefined;
}

type Draft = { -readonly [Key in keyof RequestEvent]: RequestEvent[Key] };

/** What one client asks for and gets, as it is told to a history. */
export class RecordedClient {
  readonly who: string;
  /** Whether it was closed, or its process has died. */
  isOver = false;
  readonly #now: () => number;
  readonly #process: ProcessClock | undefined;
  readonly #tell: (event: HistoryEvent) => void;
  readonly #holds = new Set<RecordedHold>();
  #requests = 0;

  /** `clock` is the client's own, `now` that of the history. */
  constructor(
    who: string,
    {
      clock,
      now,
      tell,
    }: { clock: unknown; now: () => number; tell: (event: HistoryEvent) => void },
  ) {
    this.who = who;
    this.#now = now;
    this.#tell = tell;
    this.#process = clock instanceof ProcessClock ? clock : undefined;
    this.#process?.onFate((kind) => {
      for (const hold of this.#holds) hold.suffer(kind);
      const event: ProcessEvent = { at: now(), who, kind };
      tell(event);
      if (kind === "died") this.isOver = true;
    });
  }

  /** Asks as `ask` does, and tells what comes of it. A hold that it resolves with is followed. */
  async acquire<T extends Hold | undefined>(asked: Asked, ask: () => Promise<T>): Promise<T> {
    return this.through(asked, async (got) => {
      const hold = await ask();
      if (hold) got(hold);
      return hold;
    });
  }

  /** The same where `ask` says itself what was got. If it says nothing, nothing was. */
  async through<T>(asked: Asked, ask: (got: (hold: Hold) => void) => Promise<T>): Promise<T> {
    this.#requests += 1;
    const tell = this.#telling(`${this.who}/${this.#requests}`, asked);
    const { waitMs } = asked;
    tell({ at: this.#now(), kind: "asked", ...(waitMs === undefined ? {} : { waitMs }) });
    let isOver = false;
    const giveUp = (why: string): void => {
      if (!isOver) tell({ at: this.#now(), kind: "gave up", why });
      isOver = true;
    };
    const got = (hold: Hold): void => {
      // It stands there already, by another hold, which is followed.
      const joined = [...this.#holds].some(({ token }) => token === hold.fencingToken);
      if (joined || !hold.held) giveUp(joined ? "holds it already" : "lost at once");
      if (isOver) return;
      isOver = true;
      const recorded: RecordedHold = new RecordedHold(hold, {
        ...{ now: this.#now, process: this.#process, tell },
        onOver: () => this.#holds.delete(recorded),
      });
      this.#holds.add(recorded);
    };
    try {
      const result = await ask(got);
      giveUp("somebody else has it");
      return result;
    } catch (error) {
      const { code, name } = Object(error) as { code?: unknown; name?: unknown };
      giveUp(String(typeof code === "string" ? code : (name ?? error)));
      throw error;
    }
  }

  /** Tells something of each name that is asked for. Returns what puts that right. */
  #telling(
    who: string,
    { names, mode, permits, minHoldMs, windowMs }: Asked,
  ): (event: HoldEvent) => (better: Partial<RequestEvent>) => void {
    return (event) => {
      const told = names.map((name): Draft => {
        const draft = { who, name, names, mode, permits, minHoldMs, windowMs, ...event };
        this.#tell(draft);
        return draft;
      });
      return (better) => {
        for (const draft of told) Object.assign(draft, better);
      };
    };
  }
}
