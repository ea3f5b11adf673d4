import { setTimeout as sleep } from "node:timers/promises";
import { isLeading, type Nodes } from "./nodes.ts";

/** What a node was seen to be, from a moment on. */
export interface NodeState {
  readonly at: number;
  readonly node: number;
  readonly state: "leads" | "follows" | "has no leader" | "is silent";
}

const everyMs = 250;

/** Looks at all nodes, again and again, and notes what changes. */
export class Monitor {
  readonly states: NodeState[] = [];
  readonly #nodes: Nodes;
  readonly #now: () => number;
  readonly #over = new AbortController();
  readonly #looking: Promise<unknown>;

  constructor(nodes: Nodes, now: () => number) {
    this.#nodes = nodes;
    this.#now = now;
    this.#looking = Promise.all([...nodes.members.keys()].map((node) => this.#watch(node)));
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#looking;
  }

  async #watch(node: number): Promise<void> {
    let last: NodeState["state"] | undefined;
    while (!this.#over.signal.aborted) {
      const at = this.#now();
      const status = await this.#nodes.status(node);
      const state = !status
        ? "is silent"
        : isLeading(status)
          ? "leads"
          : status.leader === 0n
            ? "has no leader"
            : "follows";
      if (state !== last) this.states.push({ at, node, state });
      last = state;
      await sleep(everyMs);
    }
  }
}
