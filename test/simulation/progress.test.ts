import { expect, it } from "vitest";
import { progressLine } from "./progress.ts";

it("tells how far it has come, how fast, and how long it still takes", () => {
  expect(progressLine({ ran: 500, failed: 0 }, 20_000, 2_000)).toBe(
    "500 of 20000 seeds, 250 a second, 78 s left",
  );
  expect(progressLine({ ran: 500, failed: 2 }, 1_000_000, 2_000)).toBe(
    "500 of 1000000 seeds, 2 failed, 250 a second, 67 min left",
  );
  expect(progressLine({ ran: 0, failed: 0 }, 10, 2_000)).toMatch(/no seed is done yet$/);
});
