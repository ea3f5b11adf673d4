import { asOf, type Holding, holdingsByName, type Request, workedUntil } from "./request.ts";

/** The moment at which somebody gets in. */
export interface Entrance {
  readonly entering: Holding;
  /** Who held then, and went on to, each as it was then. */
  readonly inside: readonly Holding[];
}

/** Every moment at which somebody gets in. Whatever is wrong begins at one. */
export function* entrances(requests: readonly Request[]): Generator<Entrance> {
  for (const holdings of holdingsByName(requests).values()) {
    let inside: readonly Holding[] = [];
    for (const entering of holdings) {
      inside = inside.filter((other) => workedUntil(other) > entering.gotAt);
      yield { entering, inside: inside.map((holding) => asOf(holding, entering.gotAt)) };
      inside = [...inside, entering];
    }
  }
}
