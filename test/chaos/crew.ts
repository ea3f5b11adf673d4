import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessEvent } from "../../src/testkit/history/event.ts";
import { ClientProcess } from "./client-process.ts";
import type { ClientWays } from "./client-ways.ts";
import { type Program, programOf } from "./program.ts";

/** What all clients have in common. */
export interface CrewOptions {
  readonly seed: number;
  readonly ledgerUrl: string;
  /** The clock of the history. */
  readonly now: () => number;
}

/** A client, whichever life it is in. */
export interface Member {
  readonly index: number;
  readonly ways: ClientWays;
  readonly ttlMs: number;
  readonly program: Program;
  life: number;
  process: ClientProcess;
  /** Whether something is being done to its process. */
  isBusy: boolean;
}

const ttls = [3_000, 4_000, 5_000];
/** The longest TTL that any client has, in milliseconds. */
export const longestTtlMs: number = Math.max(...ttls);
const callTimeoutMs = 5_000;
const longestWaitForHoldMs = 1_500;

/** The client processes: kept alive, and told what to do by a seed. */
export class Crew {
  readonly members: Member[] = [];
  /** All processes that there ever were. */
  readonly processes: ClientProcess[] = [];
  /** What was done to them. */
  readonly deeds: ProcessEvent[] = [];
  readonly #options: CrewOptions;

  constructor(options: CrewOptions) {
    this.#options = options;
  }

  /** Starts one client on ways of its own. */
  add(ways: ClientWays): void {
    const index = this.members.length;
    const { seed } = this.#options;
    const program = programOf(seed, index);
    const ttlMs = ttls[index % ttls.length] ?? longestTtlMs;
    const process = this.#start(index, 1, { ways, ttlMs, program });
    this.members.push({ ...{ index, ways, ttlMs, program }, life: 1, process, isBusy: false });
  }

  /** The TTL of the client that has a name such as "3.1". */
  ttlOf(who: string): number {
    return this.members[Number.parseInt(who, 10) - 1]?.ttlMs ?? longestTtlMs;
  }

  /** Kills one, and starts it anew after `forMs`. Resolves once it has connected. */
  async kill(member: Member, forMs: number, asItHolds: boolean): Promise<void> {
    if (asItHolds) await this.#untilItHolds(member);
    this.#note(member, "died");
    member.process.signal("SIGKILL");
    await member.process.ended;
    await sleep(forMs);
    member.life += 1;
    member.process = this.#start(member.index, member.life, member);
    await member.process.ready;
  }

  /** Stops one for `forMs`. */
  async stop(member: Member, forMs: number, asItHolds: boolean): Promise<void> {
    if (asItHolds) await this.#untilItHolds(member);
    this.#note(member, "stopped");
    member.process.signal("SIGSTOP");
    await sleep(forMs);
    member.process.signal("SIGCONT");
    this.#note(member, "went on");
  }

  /** Lets all come to an end. Resolves with a story of each that can't, or came to another one. */
  async finish(patienceMs: number): Promise<readonly string[]> {
    for (const { process } of this.members) process.finish();
    await Promise.race([
      Promise.all(this.members.map(({ process }) => process.ended)),
      sleep(patienceMs, undefined, { ref: false }),
    ]);
    const stories: string[] = [];
    const killed = new Set(this.deeds.filter(({ kind }) => kind === "died").map(({ who }) => who));
    for (const each of this.processes) {
      if (killed.has(each.who)) continue;
      const code = await Promise.race([each.ended, sleep(0, "lives" as const)]);
      if (code === 0) continue;
      each.signal("SIGKILL");
      const end = code === "lives" ? "does not come to an end" : `ended with ${code}`;
      stories.push(`Client ${each.who} ${end}. ${each.complaint}`.trim());
    }
    return stories;
  }

  #start(
    index: number,
    life: number,
    { ways, ttlMs, program }: Pick<Member, "ways" | "ttlMs" | "program">,
  ): ClientProcess {
    const { ledgerUrl } = this.#options;
    const options = {
      ...{ ttlMs, callTimeoutMs },
      // Some of each kind, since their promises are the same.
      ...(index % 4 === 3 ? { strict: true } : {}),
      ...(index % 4 === 2 ? { keepAlive: "thread" } : {}),
    };
    const { endpoints } = ways;
    const job = { endpoints, options, ...program, ledgerUrl };
    const process = new ClientProcess(`${index + 1}.${life}`, job);
    this.processes.push(process);
    return process;
  }

  async #untilItHolds({ process }: Member): Promise<void> {
    const { now } = this.#options;
    const deadline = now() + longestWaitForHoldMs;
    while (!process.holds && now() < deadline) await sleep(1);
  }

  #note({ index, life }: Member, kind: ProcessEvent["kind"]): void {
    this.deeds.push({ at: this.#options.now(), who: `${index + 1}.${life}`, kind });
  }
}
