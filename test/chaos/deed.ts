/** Something that was done, in the time of the history. */
export interface Deed {
  readonly kind: string;
  /** To whom: "node 2", "client 3", "all nodes", the name of a lock. */
  target: string;
  readonly from: number;
  /** When it was over: the same moment, for what is done at once. */
  until: number;
  /** The fault that it was to be, as people read it. */
  readonly story: string;
  /** The revision at which it took away entries, if it was told. */
  revision?: bigint | undefined;
  /** The lease that it ended. */
  lease?: bigint | undefined;
  /** The token of the entry that it took away. With one of several, whoever held them lets all go. */
  victim?: bigint | undefined;
  /** What went wrong with it. It may have been done all the same. */
  failure?: string | undefined;
}

/** Deeds of which the cluster as a whole is told, not one client or one lock. */
export function isOnCluster({ target }: Deed): boolean {
  return target.startsWith("node") || target === "all nodes";
}
