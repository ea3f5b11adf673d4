import { beforeEach, describe, expect, it, vi } from "vitest";
import { LeaseKeeper, type QuorumWrite } from "../../src/core/lease-keeper.ts";
import type { LossReason } from "../../src/errors.ts";
import type { Etcd, LeaseKeepAliveResponse } from "../../src/etcd/api.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

describe("LeaseKeeper", () => {
  let clock: SimulatedClock;
  let leaseKeepAlive: ReturnType<typeof vi.fn<Etcd["leaseKeepAlive"]>>;
  let keeper: LeaseKeeper;
  let losses: { reason: LossReason; cause: unknown }[];

  const answer = (ttl: bigint, raftTerm = 5n): LeaseKeepAliveResponse => ({
    ttl,
    header: { clusterId: 1n, memberId: 1n, revision: 1n, raftTerm },
  });
  const never = new Promise<never>(() => {});

  beforeEach(() => {
    clock = new SimulatedClock();
    losses = [];
    leaseKeepAlive = vi.fn(async () => answer(9n));
    const lease = { id: 7n, ttlMs: 9_000, delayMs: 0, askedAt: 0, raftTerm: 5n };
    keeper = new LeaseKeeper({ leaseKeepAlive } as unknown as Etcd, clock, lease, (reason, cause) =>
      losses.push({ reason, cause }),
    );
  });

  it("renews three times in a TTL, for as long as it is answered", async () => {
    await clock.advance(90_000);
    expect(keeper.lost).toBe(false);
    expect(leaseKeepAlive).toHaveBeenCalledTimes(30);
    await keeper.close();
  });

  it("is lost a little before the TTL has passed without an answer", async () => {
    leaseKeepAlive.mockReturnValue(never);
    await clock.advance(8_909);
    expect(losses).toEqual([]);
    await clock.advance(1);
    expect(losses).toMatchObject([{ reason: "expired" }]);
  });

  it("counts from before the keepalive was sent, not from its answer", async () => {
    leaseKeepAlive.mockImplementationOnce(async () => {
      clock.jump(900);
      return answer(9n);
    });
    leaseKeepAlive.mockReturnValue(never);
    await clock.advance(3_000);
    expect(keeper.expiresAt).toBe(3_000 + 9_000 - 90);
  });

  it("uses the TTL that the store grants", async () => {
    leaseKeepAlive.mockResolvedValueOnce(answer(20n)).mockReturnValue(never);
    await clock.advance(3_000);
    expect(keeper.expiresAt).toBe(3_000 + 20_000 - 200);
    await keeper.close();
  });

  it("looks at the clock when asked, though no timer could fire", () => {
    clock.jump(9_000);
    expect(keeper.lost).toBe(true);
    // It was this process that did not run.
    expect(losses).toMatchObject([{ reason: "stalled" }]);
  });

  it("is not revived by an answer that comes after the deadline", async () => {
    let respond: (response: LeaseKeepAliveResponse) => void = () => {};
    leaseKeepAlive.mockReturnValue(
      new Promise((resolve) => {
        respond = resolve;
      }),
    );
    await clock.advance(3_000);
    clock.jump(6_000);
    respond(answer(9n));
    await clock.advance(0);

    expect(keeper.lost).toBe(true);
    expect(keeper.expiresAt).toBe(9_000 - 90);
  });

  it("takes no answer of an older term", async () => {
    keeper.witness(6n);
    await clock.advance(9_000);
    expect(losses).toMatchObject([{ reason: "expired" }]);
  });

  it("is lost at once when the store says that the lease is gone", async () => {
    leaseKeepAlive.mockResolvedValueOnce(answer(0n));
    await clock.advance(3_000);
    expect(losses).toMatchObject([{ reason: "revoked" }]);
  });

  it("goes on asking after a failure, and says in the end what failed", async () => {
    const failure = new Error("connection refused");
    leaseKeepAlive.mockRejectedValue(failure);
    await clock.advance(9_000);

    expect(leaseKeepAlive.mock.calls.length).toBeGreaterThan(10);
    expect(losses).toEqual([{ reason: "expired", cause: failure }]);
  });

  it("makes attempts of at most a second, or a sixth of the TTL", async () => {
    await clock.advance(3_000);
    expect(leaseKeepAlive.mock.calls[0]?.[1]).toMatchObject({
      timeoutMs: 1_000,
      keepsProcessAlive: false,
    });
    await keeper.close();
  });

  it("leaves no timer behind, closed or lost", async () => {
    await keeper.close();
    expect(clock.timerCount).toBe(0);
    keeper.lose("revoked");
    expect(clock.timerCount).toBe(0);
  });

  describe("with a write that confirms its answers", () => {
    const confirmed = (raftTerm: bigint) => async () => answer(0n, raftTerm).header;
    const deadline = 9_000 - 90;

    async function renewOnce(confirm: QuorumWrite, raftTerm = 5n): Promise<LeaseKeeper> {
      await keeper.close();
      leaseKeepAlive.mockResolvedValueOnce(answer(9n, raftTerm)).mockReturnValue(never);
      const etcd = { leaseKeepAlive } as unknown as Etcd;
      const lease = { id: 7n, ttlMs: 9_000, delayMs: 0, askedAt: clock.now(), raftTerm: 5n };
      const strict = new LeaseKeeper(etcd, clock, lease, () => {}, { confirm });
      await clock.advance(3_000);
      return strict;
    }

    it("counts one that was confirmed in its term, from before it was sent", async () => {
      const strict = await renewOnce(async () => {
        clock.jump(400);
        return answer(0n).header;
      });
      expect(strict.expiresAt).toBe(3_000 + deadline);
      await strict.close();
    });

    it.each([
      ["in a later term", confirmed(6n)],
      ["by nobody", () => Promise.reject(new Error("no answer"))],
      ["by nobody in time", () => never],
    ])("does not count one that was confirmed %s", async (_how, confirm) => {
      const strict = await renewOnce(confirm);
      expect(strict.expiresAt).toBe(deadline);
      await strict.close();
    });
  });
});
