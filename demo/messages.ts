import type { ReplicaEvent } from "./events.ts";

/** What a replica in a process of its own needs to know. */
export interface ReplicaOptions {
  readonly id: string;
  readonly namespace: string;
  readonly ttlMs: number;
}

/** From a replica in a process of its own to the demo. */
export type Upward =
  | { readonly type: "report"; readonly event: ReplicaEvent }
  | { readonly type: "read"; readonly ask: number; readonly token: bigint }
  | {
      readonly type: "write";
      readonly ask: number;
      readonly token: bigint;
      readonly updates: readonly string[];
    };

/** From the demo to a replica. */
export type Downward =
  | { readonly type: "stop" }
  | { readonly type: "read"; readonly ask: number; readonly updates: readonly string[] }
  | { readonly type: "write"; readonly ask: number; readonly written: boolean };
