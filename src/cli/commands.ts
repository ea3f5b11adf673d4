import type { CommandSpec } from "./command.ts";
import { benchSpec } from "./specs/bench.ts";
import { completionSpec } from "./specs/completion.ts";
import { deadlocksSpec } from "./specs/deadlocks.ts";
import { doctorSpec } from "./specs/doctor.ts";
import { electSpec } from "./specs/elect.ts";
import { inspectSpec } from "./specs/inspect.ts";
import { lockSpec } from "./specs/lock.ts";
import { lsSpec } from "./specs/ls.ts";
import { releaseSpec } from "./specs/release.ts";
import { runSpec } from "./specs/run.ts";
import { serveSpec } from "./specs/serve.ts";
import { waitSpec } from "./specs/wait.ts";
import { watchSpec } from "./specs/watch.ts";

/** All commands, in the order in which the help lists them. */
export const commands: readonly CommandSpec[] = [
  runSpec,
  lockSpec,
  electSpec,
  lsSpec,
  inspectSpec,
  watchSpec,
  waitSpec,
  releaseSpec,
  deadlocksSpec,
  doctorSpec,
  benchSpec,
  serveSpec,
  completionSpec,
];
