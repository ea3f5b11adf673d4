import { mend, type Trouble } from "./trouble.ts";
import type { Way } from "./way.ts";

/** Several ways that somebody uses, whatever is wrong with each. */
export abstract class Ways {
  protected abstract readonly ways: readonly Way[];

  /** Makes directions of them well again. */
  mend(troubles: readonly Trouble[]): void {
    for (const trouble of troubles) mend(trouble);
    for (const way of this.ways) way.look();
  }

  /** Ends all connections that there are, by an RST. */
  reset(): void {
    for (const way of this.ways) way.reset();
  }

  async close(): Promise<void> {
    await Promise.all(this.ways.map((way) => way.close()));
  }
}
