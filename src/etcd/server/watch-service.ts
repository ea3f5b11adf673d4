import type { Clock } from "../../clock.ts";
import type { EmbeddedEtcd } from "../embedded/embedded-etcd.ts";
import type { Service } from "./method.ts";
import { ServedWatchStream } from "./served-watch-stream.ts";

/** What watches need to know besides the store. */
export interface WatchServiceOptions {
  readonly clock: Clock;
  /** How often a watch that has nothing to tell says so, if it was asked to. */
  readonly progressMs: number;
}

/** Watches, as many on a stream as the client likes. */
export function watchService(store: EmbeddedEtcd, options: WatchServiceOptions): Service {
  return { Watch: (call) => new ServedWatchStream(store, call, options) };
}
