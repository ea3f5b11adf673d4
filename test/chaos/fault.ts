import type { Sense } from "../support/ways/peer-ways.ts";

/** Which node: who is it is found out when it happens. */
export type Role = "leader" | "follower";

/** Which direction of what goes between a client and a node. */
export type Direction = "both" | "requests" | "answers";

/** Something that happens to the cluster. */
export type ClusterFault =
  | { readonly kind: "kill node" | "stop node" | "slow disk"; readonly role: Role }
  /** The leader, and at the same time a client that holds. */
  | { readonly kind: "kill node and writer"; readonly role: "leader" }
  | { readonly kind: "cut node"; readonly role: Role; readonly sense: Sense }
  | { readonly kind: "slow nodes" | "lossy nodes" | "reset nodes" }
  | { readonly kind: "lose quorum" | "restart all" | "no space" };

/** Something that happens to one client, by its index, or to its ways. */
export type ClientFault =
  | {
      readonly kind: "kill client" | "stop client";
      readonly client: number;
      readonly asItHolds: boolean;
    }
  | { readonly kind: "stop writer" | "kill writer" }
  | {
      readonly kind: "cut client";
      readonly client: number;
      readonly nodes: "all" | number;
      readonly direction: Direction;
    }
  | { readonly kind: "slow client" | "lossy client" | "reset client"; readonly client: number };

/** Something that an administrator does. */
export type AdminFault = {
  readonly kind: "revoke lease" | "delete key" | "force release" | "compact" | "defragment";
};

/** What happens, and to whom. */
export type Affair =
  | { readonly to: "cluster"; readonly what: ClusterFault }
  | { readonly to: "client"; readonly what: ClientFault }
  | { readonly to: "locks"; readonly what: AdminFault };

/** What happens, and when. It is plain data, drawn from a seed. */
export type Fault = Affair & {
  /** Since everybody was at work, in milliseconds. */
  readonly atMs: number;
  /** How long it lasts; 0 for what is done at once. */
  readonly forMs: number;
};

/** A fault as people read it. */
export function toldFault(what: Fault["what"]): string {
  switch (what.kind) {
    case "kill node":
      return `kill the ${what.role}`;
    case "stop node":
      return `stop the ${what.role}`;
    case "slow disk":
      return `slow disk of the ${what.role}`;
    case "cut node":
      return `cut the ${what.role} off, ${senses[what.sense]}`;
    case "kill client":
    case "stop client":
      return `${what.kind} ${what.client + 1}${what.asItHolds ? " as it holds" : ""}`;
    case "stop writer":
    case "kill writer":
      return `${what.kind.split(" ")[0]} a client between reading and writing`;
    case "kill node and writer":
      return "kill the leader, and a client between reading and writing";
    case "cut client": {
      const where = what.nodes === "all" ? "all nodes" : `node ${what.nodes + 1}`;
      const ways = what.direction === "both" ? "" : `, ${what.direction} only`;
      return `cut client ${what.client + 1} off from ${where}${ways}`;
    }
    case "slow client":
    case "lossy client":
    case "reset client":
      return `${what.kind} ${what.client + 1}`;
    default:
      return what.kind;
  }
}

const senses = { both: "both ways", out: "what it sends only", in: "what it is sent only" };
