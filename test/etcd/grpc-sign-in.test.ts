import { beforeEach, describe, expect, it } from "vitest";
import { StoreDeniedError, StoreError } from "../../src/errors.ts";
import { renewInMs, SignIn } from "../../src/etcd/grpc/sign-in.ts";
import { SimulatedClock, settle } from "../support/simulated-clock.ts";

function jwt(payload: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256" })}.${part(payload)}.signature`;
}

describe("renewInMs", () => {
  const now = 1_800_000_000_000;

  it("is four fifths of what a JWT has left", () => {
    expect(renewInMs(jwt({ exp: now / 1_000 + 100 }), now)).toBe(80_000);
  });

  it.each([
    ["a simple token", "UJdFbHBQaKfTsoEy.12"],
    ["no token", undefined],
    ["a JWT without an end", jwt({ username: "root" })],
    ["a JWT that seems to have ended, as by a clock that is wrong", jwt({ exp: now / 1_000 - 5 })],
    ["what only looks like a JWT", "a.b.c"],
  ])("is never for %s", (_what, token) => {
    expect(renewInMs(token, now)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("SignIn", () => {
  let clock: SimulatedClock;
  let answers: (() => string)[];
  let signIn: SignIn;
  let count: number;

  beforeEach(() => {
    clock = new SimulatedClock();
    count = 0;
    answers = [];
    signIn = new SignIn(clock, async () => {
      count++;
      const answer = answers.shift();
      if (!answer) throw new StoreDeniedError("INVALID_ARGUMENT", "no");
      return answer();
    });
  });

  const jwtFor = (seconds: number) => (): string =>
    jwt({ exp: clock.wallTime() / 1_000 + seconds, count });

  it("fetches one token for all who wait, and keeps it", async () => {
    answers = [() => "first"];
    await expect(Promise.all([signIn.token(), signIn.token()])).resolves.toEqual([
      "first",
      "first",
    ]);
    expect(signIn.token()).toBe("first");
    expect(count).toBe(1);
  });

  it("fetches another only for the token that was refused", async () => {
    answers = [() => "first", () => "second"];
    await signIn.token();
    signIn.reject("another");
    expect(signIn.token()).toBe("first");
    signIn.reject("first");
    await expect(signIn.token()).resolves.toBe("second");
  });

  it("renews a JWT before it ends, while everybody goes on with the old one", async () => {
    answers = [jwtFor(100), jwtFor(100)];
    const first = await signIn.token();
    await clock.advance(79_000);
    expect(signIn.token()).toBe(first);
    expect(count).toBe(1);

    await clock.advance(2_000);
    expect(signIn.token()).toBe(first);
    await settle();
    expect(count).toBe(2);
    expect(signIn.token()).not.toBe(first);
  });

  it("goes on with the old token when the renewal fails", async () => {
    answers = [jwtFor(100)];
    const first = await signIn.token();
    await clock.advance(90_000);
    expect(signIn.token()).toBe(first);
    await settle();
    expect(signIn.token()).toBe(first);
  });

  it("rejects for all who wait, and tries again for the next", async () => {
    const refused = Promise.allSettled([signIn.token(), signIn.token()]);
    await expect(refused).resolves.toMatchObject([{ status: "rejected" }, { status: "rejected" }]);
    answers = [() => "token"];
    await expect(signIn.token()).resolves.toBe("token");
    expect(count).toBe(2);
  });

  it("goes without a token where authentication is not enabled", async () => {
    answers = [
      () => {
        throw new StoreError("FAILED_PRECONDITION", "etcdserver: authentication is not enabled");
      },
    ];
    await expect(signIn.token()).resolves.toBeUndefined();
    expect(signIn.token()).toBeUndefined();
    expect(count).toBe(1);
  });
});
