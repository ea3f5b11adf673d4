/** What a replica says of itself. */
export type ReplicaEvent =
  /** It is connected, and asks for the lock. */
  | { readonly kind: "waiting" }
  | { readonly kind: "holding"; readonly token: bigint }
  /** It has read the ledger, and has not yet written: the time at which to strike. */
  | { readonly kind: "thinking" }
  /** The ledger has taken its update. From now on it counts as made. */
  | { readonly kind: "updated"; readonly update: string }
  /** The ledger has refused its update. What the hold said in the moment of the attempt. */
  | { readonly kind: "refused"; readonly held: boolean; readonly aborted: boolean }
  | { readonly kind: "released" }
  /** The lock was not its own until the end, or its place in the queue was lost. */
  | { readonly kind: "lost"; readonly reason: string }
  | { readonly kind: "trouble"; readonly message: string };

/** What the demo does to a replica, or sees happen to it. */
export type DirectorEvent =
  | { readonly kind: "started" }
  | { readonly kind: "killed" }
  | { readonly kind: "paused" }
  | { readonly kind: "resumed" }
  | { readonly kind: "stopped" };

/** Something that happened to a replica. */
export type DemoEvent = (ReplicaEvent | DirectorEvent) & {
  readonly replica: string;
  /** In milliseconds since the demo began, by the demo's own clock. */
  readonly atMs: number;
};
