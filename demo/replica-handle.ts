import type { ReplicaEvent } from "./events.ts";

/** A running replica, as the demo handles it. */
export interface ReplicaHandle {
  /** Ends it for good, in the middle of whatever it does. Resolves once all it said was heard. */
  kill(): Promise<void>;
  /** Stops it where it is, until `resume`. */
  pause(): void;
  resume(): void;
  /** Lets it finish its turn and close its client. */
  stop(): Promise<void>;
}

/** What to start a replica with. */
export interface Launch {
  readonly id: string;
  readonly onEvent: (event: ReplicaEvent) => void;
  /** Called if it ends by itself, which it should not. */
  readonly onFailure: (error: Error) => void;
}

export type Launcher = (launch: Launch) => ReplicaHandle;
