import type { Random } from "./random.ts";

/** What becomes of one request on its way. */
export interface Passage {
  /** It never arrives. */
  readonly isLost: boolean;
  /** It arrives seconds later. */
  readonly isLate: boolean;
  /** It arrives twice. */
  readonly isRepeated: boolean;
  /** It is carried out, but its reply is lost. */
  readonly isUnanswered: boolean;
}

const smooth: Passage = {
  isLost: false,
  isLate: false,
  isRepeated: false,
  isUnanswered: false,
};

/** Draws what goes wrong with a request, if something does. */
export function drawPassage(random: Random, faultRate: number): Passage {
  if (random() >= faultRate) return smooth;
  const kind = random();
  return {
    isLost: kind < 0.2,
    isLate: kind >= 0.2 && kind < 0.5,
    isUnanswered: kind >= 0.42 && kind < 0.72,
    isRepeated: kind >= 0.7,
  };
}
