import { afterAll, beforeAll, expect, it } from "vitest";
import { connect } from "../../../src/connect.ts";
import { seededRandom } from "../../../src/testkit/random.ts";
import { Nodes } from "../../chaos/nodes.ts";
import { binariesOf, describeOnEveryEtcd } from "../../support/etcd-server.ts";
import type { Sense } from "../../support/ways/peer-ways.ts";

// Votes may be split, and no lease is renewed meanwhile: two thirds of this are left for that.
const ttlMs = 10_000;
// Longer than a lease that is not renewed, and than it takes etcd to say that a member has no leader
// (3.4 to 6.5 s, measured).
const cutMs = 11_000;

// The numbers are those of docs/guarantees.md.
describeOnEveryEtcd("on a cluster of three whose members are cut off,", (version) => {
  let nodes: Nodes;

  beforeAll(async () => {
    nodes = await Nodes.start(binariesOf(version), seededRandom(1));
  });

  afterAll(() => nodes.stop());

  it.each<{ role: "leader" | "follower"; sense: Sense }>([
    { role: "leader", sense: "both" },
    { role: "leader", sense: "out" },
    { role: "follower", sense: "in" },
  ])(
    "scenario 5: a client moves on from a $role that is cut off ($sense), and keeps its lock",
    {
      timeout: 60_000,
    },
    async ({ role, sense }) => {
      const leader = await nodes.leader();
      const member = role === "leader" ? leader : (leader + 1) % 3;
      const elsewhere = nodes.endpoints.filter((_, index) => index !== member);
      const target = [nodes.endpoints[member] as string, ...elsewhere];
      const locks = await connect(target, { ttlMs });
      const others = await connect(elsewhere, { ttlMs });
      const name = `kept from a ${role} (${sense})`;
      const hold = await locks.acquire(name);
      const around = nodes.ways.around(member, sense);
      for (const link of around) link.isCut = true;
      const cutAt = performance.now();
      const electing = nodes.leader(member).then(
        () => performance.now() - cutAt,
        () => Number.POSITIVE_INFINITY,
      );
      const waiting = others.acquire(name, { waitMs: 60_000 });
      waiting.catch(() => {}); // its error is thrown below, unless another comes first
      try {
        while (performance.now() - cutAt < cutMs && hold.held) {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        const electionMs = await electing;
        // No lock outlives a lease that nobody could renew, since the votes were split again and again.
        if (electionMs < ttlMs / 2) {
          const { held, signal } = hold;
          expect({ held, loss: signal.reason, electionMs }).toMatchObject({ held: true });
          // Others answer it, while the member that it came by is still cut off.
          await hold.verify({ timeoutMs: 5_000 });
        }
      } finally {
        nodes.ways.mend(around);
      }
      if (hold.held) {
        await hold.verify({ timeoutMs: 10_000 });
        await hold.release();
      }
      const next = await waiting;
      expect(next.fencingToken).toBeGreaterThan(hold.fencingToken);
      await next.release();
      await Promise.all([locks.close(), others.close()]);
    },
  );
});
