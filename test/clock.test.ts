import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clockOf, type TimeSources } from "../src/clock.ts";
import { connect } from "../src/connect.ts";
import { EmbeddedEtcd } from "../src/etcd/embedded/embedded-etcd.ts";

interface Happening {
  readonly awakeMs?: number;
  readonly suspendedMs?: number;
  readonly setByMs?: number;
}

/** A machine that can be suspended, and whose time of day can be set. */
class Machine {
  awakeMs = 1_000;
  suspendedMs = 0;
  setByMs = 0;
  asked = 0;

  pass({ awakeMs = 0, suspendedMs = 0, setByMs = 0 }: Happening): void {
    this.awakeMs += awakeMs;
    this.suspendedMs += suspendedMs;
    this.setByMs += setByMs;
  }

  readonly sources: TimeSources = {
    monotonic: () => this.awakeMs,
    wallTime: () => 1_800_000_000_000 + this.awakeMs + this.suspendedMs + this.setByMs,
    uptime: () => {
      this.asked += 1;
      // As coarse as on Linux.
      return Math.floor((this.awakeMs + this.suspendedMs) / 10) * 10;
    },
  };

  readonly clock = clockOf(this.sources);
}

describe("the clock", () => {
  it("counts the time in which the machine is suspended, and nothing that sets the time of day", () => {
    const happening: fc.Arbitrary<Happening> = fc.oneof(
      fc.record({ awakeMs: fc.integer({ min: 0, max: 100_000 }) }),
      fc.record({ suspendedMs: fc.integer({ min: 1_000, max: 100_000_000 }) }),
      fc.record({ setByMs: fc.integer({ min: -100_000_000, max: 100_000_000 }) }),
      fc.record({ setByMs: fc.integer({ min: -300, max: 300 }) }),
    );
    const property = fc.property(fc.array(happening), (happenings) => {
      const machine = new Machine();
      let suspensions = 0;
      for (const each of happenings) {
        machine.pass(each);
        if ("suspendedMs" in each) suspensions += 1;

        const wrongMs = machine.clock.now() - machine.awakeMs - machine.suspendedMs;
        expect(Math.abs(wrongMs)).toBeLessThanOrEqual(10 * suspensions);
      }
    });

    fc.assert(property, { numRuns: 500, seed: 1 });
  });

  it("tells another thread's time if it begins with what that has counted", () => {
    const machine = new Machine();
    machine.pass({ suspendedMs: 60_000 });
    const now = machine.clock.now();

    const other = clockOf(machine.sources, machine.clock.suspendedMs);

    expect(other.now()).toBe(now);
    expect(now).toBe(61_000);
  });

  it("asks for the uptime only if the time of day has moved by itself", () => {
    const machine = new Machine();
    const { asked } = machine;

    for (let ms = 0; ms < 10_000; ms++) {
      machine.awakeMs += 1;
      machine.clock.now();
    }

    expect(machine.asked).toBe(asked);
  });

  it("tells a holder on a machine that was suspended for longer than its lease", async () => {
    const machine = new Machine();
    const locks = await connect({ store: new EmbeddedEtcd(), clock: machine.clock, ttlMs: 5_000 });
    const hold = await locks.acquire("kept");
    machine.setByMs += 60_000;
    expect(hold.held).toBe(true);

    machine.suspendedMs += 5_000;

    expect(hold.held).toBe(false);
    await locks.close();
  });
});
