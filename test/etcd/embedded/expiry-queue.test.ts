import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Expiring, ExpiryQueue } from "../../../src/etcd/embedded/expiry-queue.ts";

describe("ExpiryQueue", () => {
  it("always has first what ends first, whatever is added, moved and removed", () => {
    const stepArb = fc.tuple(
      fc.constantFrom("add", "add", "move", "remove", "removeFirst"),
      fc.nat({ max: 50 }),
      fc.nat({ max: 1_000 }),
    );
    fc.assert(
      fc.property(fc.array(stepArb, { maxLength: 200, size: "max" }), (steps) => {
        const queue = new ExpiryQueue<Expiring>();
        const items: Expiring[] = [];
        for (const [step, choice, expiresAt] of steps) {
          const item = step === "removeFirst" ? queue.next : items[choice % items.length];
          if (step === "add") {
            const added = { expiresAt, place: -1 };
            items.push(added);
            queue.add(added);
          } else if (item && step === "move") {
            item.expiresAt = expiresAt;
            queue.update(item);
          } else if (item) {
            items.splice(items.indexOf(item), 1);
            queue.remove(item);
          }
          expect(queue.size).toBe(items.length);
          const earliest = Math.min(...items.map((each) => each.expiresAt));
          expect(queue.next?.expiresAt ?? Infinity).toBe(earliest);
        }
      }),
    );
  });
});
