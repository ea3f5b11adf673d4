import type { ReplicaEvent } from "./events.ts";

/** What a replica needs to know. */
export interface ReplicaOptions {
  readonly id: string;
  /** Where etcd is; where etcdctl would go when left out. */
  readonly target: string | undefined;
  readonly namespace: string;
  readonly ttlMs: number;
}

/** From a replica to the demo. */
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
