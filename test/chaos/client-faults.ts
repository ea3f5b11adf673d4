import { setTimeout as sleep } from "node:timers/promises";
import type { Crew, Member } from "./crew.ts";
import type { ClientFault } from "./fault.ts";

const slow = { delayMs: 60, jitterMs: 120 };
const lossy = { loss: 0.03 };
const longestWaitForWriterMs = 3_000;

/**
 * Does something to a client, from beginning to end. `begun` is called when it has begun, with the
 * client. What would happen to one that is busy is left out.
 *
 * @param writer says who has read from the ledger, and not written yet: "3.1/8"
 */
export async function afflictClient(
  crew: Crew,
  fault: ClientFault,
  forMs: number,
  { writer, begun }: { writer: () => string | undefined; begun: (member: Member) => void },
): Promise<void> {
  const member = "client" in fault ? crew.members[fault.client] : await nextWriter(crew, writer);
  if (!member || member.isBusy) return;
  member.isBusy = true;
  const { ways } = member;
  const trouble = async (change: object, directions = ways.directions("all", "both")) => {
    for (const direction of directions) Object.assign(direction, change);
    await sleep(forMs);
    ways.mend(directions);
  };
  begun(member);
  try {
    switch (fault.kind) {
      case "kill client":
        return await crew.kill(member, forMs, fault.asItHolds);
      case "stop client":
        return await crew.stop(member, forMs, fault.asItHolds);
      case "kill writer":
        return await crew.kill(member, forMs, false);
      case "stop writer":
        return await crew.stop(member, forMs, false);
      case "cut client":
        return await trouble({ isCut: true }, ways.directions(fault.nodes, fault.direction));
      case "slow client":
        return await trouble(slow);
      case "lossy client":
        return await trouble(lossy);
      case "reset client":
        return ways.reset();
    }
  } finally {
    member.isBusy = false;
  }
}

async function nextWriter(
  crew: Crew,
  writer: () => string | undefined,
): Promise<Member | undefined> {
  const deadline = performance.now() + longestWaitForWriterMs;
  while (performance.now() < deadline) {
    const who = writer()?.split("/")[0];
    const member = crew.members.find(({ process }) => process.who === who);
    if (member && !member.isBusy) return member;
    await sleep(1);
  }
  return undefined;
}
