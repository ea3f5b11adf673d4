import { describe, expect, it } from "vitest";
import { type LossSignal, lossSignal } from "../../src/core/loss-signal.ts";

describe("lossSignal", () => {
  function openSignal(): LossSignal & { end(): void } {
    let over = false;
    const loss = lossSignal(() => {
      if (over) loss.abort(new Error("lost"));
    });
    return { ...loss, end: () => (over = true) };
  }

  it("is an AbortSignal that has not aborted", () => {
    const { signal } = openSignal();
    expect(signal).toBeInstanceOf(AbortSignal);
    expect(signal.aborted).toBe(false);
    expect(signal.reason).toBeUndefined();
    signal.throwIfAborted();
  });

  it("looks before it answers, however it is asked", () => {
    const ways: ((signal: AbortSignal) => unknown)[] = [
      (signal) => signal.aborted,
      (signal) => signal.reason,
      (signal) => {
        try {
          signal.throwIfAborted();
          return false;
        } catch (error) {
          return error;
        }
      },
    ];
    for (const ask of ways) {
      const { signal, end } = openSignal();
      end();
      expect(ask(signal)).toBeTruthy();
      expect(signal.reason).toEqual(new Error("lost"));
    }
  });

  it("tells listeners once", () => {
    const { signal, end } = openSignal();
    let told = 0;
    signal.addEventListener("abort", () => told++);
    end();
    expect([signal.aborted, signal.aborted, told]).toEqual([true, true, 1]);
  });

  it("works where Node takes a signal", async () => {
    const { signal, abort } = openSignal();
    const any = AbortSignal.any([signal]);
    const request = fetch("http://127.0.0.1:9/", { signal });
    abort(new Error("lost"));
    await expect(request).rejects.toThrow("lost");
    expect(any.aborted).toBe(true);
  });
});
