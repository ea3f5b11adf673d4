import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  connect,
  Fence,
  InvalidOptionError,
  MicrolockError,
  StaleTokenError,
} from "../src/index.ts";

describe("Fence", () => {
  it("takes the tokens of a holder again and again, and refuses them once a newer one came", async () => {
    await using locks = await connect("memory:fence");
    const older = await locks.acquire("accounts/7");
    await older.release();
    const newer = await locks.acquire("accounts/7");
    const fence = new Fence();

    fence.check("accounts/7", older.fencingToken);
    fence.check("accounts/7", older.fencingToken);
    fence.check("accounts/7", newer.fencingToken);

    const late = () => fence.check("accounts/7", older.fencingToken);
    expect(late).toThrow(StaleTokenError);
    expect(fence.check("accounts/7", newer.fencingToken)).toBe(newer.fencingToken);
  });

  it("says which token was refused, by what, and why", () => {
    const fence = new Fence({ highest: [["accounts/7", 9n]] });

    const refuse = () => fence.check("accounts/7", "8");

    expect(refuse).toThrow(MicrolockError);
    expect(refuse).toThrow(
      expect.objectContaining({
        name: "StaleTokenError",
        code: "STALE_TOKEN",
        message: 'Fencing token 8 is too old: "accounts/7" has seen 9',
        resource: "accounts/7",
        token: 8n,
        highest: 9n,
      }),
    );
  });

  it("keeps resources apart, whatever their names", () => {
    const fence = new Fence();

    for (const [index, name] of ["a", "a/b", "__proto__", "constructor"].entries()) {
      fence.check(name, BigInt(100 - index));
    }

    expect(fence.check("constructor", 97n)).toBe(97n);
    expect(() => fence.check("a", 99n)).toThrow(StaleTokenError);
  });

  it("compares tokens as whole numbers of 63 bits, not as text or doubles", () => {
    const fence = new Fence();

    fence.check("text", "9");
    fence.check("text", "10");
    fence.check("double", "9007199254740993");
    fence.check("largest", "9223372036854775807");

    expect(() => fence.check("text", "9")).toThrow(StaleTokenError);
    expect(() => fence.check("double", "9007199254740992")).toThrow(StaleTokenError);
    expect(fence.highest("largest")).toBe(2n ** 63n - 1n);
  });

  it.each([
    undefined,
    "",
    "0",
    "-1",
    "+1",
    " 1",
    "1\n",
    "01",
    "1.0",
    "1e3",
    "0x1",
    "1n",
    "١",
    "9223372036854775808",
    "99999999999999999999",
    ["1"],
    0n,
    -1n,
    2n ** 63n,
    1 as unknown as bigint,
    null as unknown as undefined,
  ])("refuses what is no token, and remembers nothing of it: %o", (token) => {
    const fence = new Fence();

    const check = () => fence.check("accounts/7", token);

    expect(check).toThrow(InvalidOptionError);
    expect(check).toThrow(/^token must be a fencing token/);
    expect(JSON.stringify(fence)).toBe("[]");
  });

  it.each(["", undefined, null, 7, "\ud800"])("refuses what is no name: %o", (name) => {
    const fence = new Fence();

    const check = () => fence.check(name as string, 1n);

    expect(check).toThrow(/^resource must be/);
    expect(JSON.stringify(fence)).toBe("[]");
  });

  it("goes on after a restart from what it was saved as", () => {
    const before = new Fence();
    before.check("accounts/7", 9007199254740993n);
    before.check("accounts/8", 3n);

    const after = new Fence({ highest: JSON.parse(JSON.stringify(before)) });

    expect(after.toJSON()).toEqual(before.toJSON());
    expect(() => after.check("accounts/7", 9007199254740992n)).toThrow(StaleTokenError);
    expect(after.check("accounts/8", 3n)).toBe(3n);
  });

  it("begins with the largest of what it is given", () => {
    const highest = [
      ["a", "5"],
      ["a", "9"],
      ["a", "7"],
    ] as const;
    expect(new Fence({ highest }).highest("a")).toBe(9n);
  });

  it.each([
    [{ higest: [] }, "options.higest"],
    [{ highest: [["a", "0"]] }, "token"],
    [{ highest: [["", "1"]] }, "resource"],
    [null, "options"],
  ])("does not begin with %o", (options, option) => {
    const create = () => new Fence(options as ConstructorParameters<typeof Fence>[0]);
    expect(create).toThrow(expect.objectContaining({ code: "INVALID_OPTION", option }));
  });

  it("takes any token for what it was told to forget", () => {
    const fence = new Fence({ highest: [["orders/17", 9n]] });

    fence.forget("orders/17");

    expect(fence.highest("orders/17")).toBeUndefined();
    expect(fence.check("orders/17", 1n)).toBe(1n);
  });

  it("accepts exactly those that are as large as all before them", () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: 1n, max: 9n })), (tokens) => {
        const fence = new Fence();
        let largest = 0n;
        for (const token of tokens) {
          const check = () => fence.check("a", token);
          if (token < largest) expect(check).toThrow(StaleTokenError);
          else expect(check()).toBe(token);
          if (token > largest) largest = token;
          expect(fence.highest("a")).toBe(largest);
        }
      }),
    );
  });
});
