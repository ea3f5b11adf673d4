import type { CommandSpec } from "./command.ts";
import { benchSpec } from "./specs/bench.ts";
import { completionSpec } from "./specs/completion.ts";
import { doctorSpec } from "./specs/doctor.ts";
import { electSpec } from "./specs/elect.ts";
import { lockSpec } from "./specs/lock.ts";
import { runSpec } from "./specs/run.ts";

/** All commands, in the order in which the help lists them. */
export const commands: readonly CommandSpec[] = [
  runSpec,
  lockSpec,
  electSpec,
  doctorSpec,
  benchSpec,
  completionSpec,
];
