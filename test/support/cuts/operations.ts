import { elections } from "./operations/elections.ts";
import { gatherings } from "./operations/gatherings.ts";
import { leavings } from "./operations/leavings.ts";
import { sessions } from "./operations/sessions.ts";
import { sharings } from "./operations/sharings.ts";
import { takings } from "./operations/takings.ts";
import { writes } from "./operations/writes.ts";
import type { Operation } from "./stage.ts";

/** All that changes something in etcd, or waits for that. */
export const operations: readonly Operation[] = [
  ...sessions,
  ...takings,
  ...sharings,
  ...leavings,
  ...writes,
  ...elections,
  ...gatherings,
];
