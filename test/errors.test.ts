import { describe, expect, it } from "vitest";
import { InvalidOptionError, LockLostError } from "../src/errors.ts";

describe("LockLostError", () => {
  it("has a result or an error of the work only if there is one, even if that is undefined", () => {
    const returned = new LockLostError("jobs", "expired", { result: undefined });
    const threw = new LockLostError("jobs", "expired", { workError: undefined });
    const plain = new LockLostError("jobs", "expired", { cause: undefined });

    expect(["result" in returned, "workError" in returned]).toEqual([true, false]);
    expect(["result" in threw, "workError" in threw]).toEqual([false, true]);
    expect(["result", "workError", "cause"].filter((name) => name in plain)).toEqual([]);
  });
});

describe("InvalidOptionError", () => {
  it.each([
    ["", '""'],
    ["x".repeat(61), "a string of 61 characters"],
    [5n, "5n"],
    [Number.NaN, "NaN"],
    [null, "null"],
    [[], "an empty array"],
    [["a"], "an array"],
    [{}, "an object"],
    [Object.create(null), "an object"],
    [new AbortController(), "an instance of AbortController"],
    [new Date(0), "an instance of Date"],
    [() => {}, "a function"],
    [Symbol("x"), "a symbol"],
  ])("shows what came: %o", (received, shown) => {
    const { message } = new InvalidOptionError("waitMs", "a number", received);
    expect(message).toBe(`waitMs must be a number, but is ${shown}`);
  });
});
