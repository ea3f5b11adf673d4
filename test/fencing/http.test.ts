import { once } from "node:events";
import { type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Fence } from "../../src/index.ts";
import { describeGuardedWrites, type GuardedAccounts } from "../support/describe-guarded-writes.ts";
import { importSection } from "../support/fencing-page.ts";

interface Section {
  createAccounts(balances: Map<string, number>, fence?: Fence): Server;
  setBalance(url: string, balance: number, token: bigint): Promise<void>;
}

/** Keeps every balance that was stored. */
class Balances extends Map<string, number> {
  readonly stored: (readonly [id: string, balance: number])[] = [];

  override set(id: string, balance: number): this {
    this.stored.push([id, balance]);
    return super.set(id, balance);
  }
}

let section: Section;
let server: Server;
let url: string;
const balances = new Balances();
const fence = new Fence();

beforeAll(async () => {
  section = await importSection<Section>("An HTTP service");
  server = section.createAccounts(balances, fence).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

describeGuardedWrites("an HTTP service", async (): Promise<GuardedAccounts> => {
  return {
    setBalance: (id, balance, token) => section.setBalance(`${url}/${id}`, balance, token),
    async read(id) {
      const [balance, highest] = [balances.get(`/${id}`), fence.highest(`/${id}`)];
      if (balance === undefined || highest === undefined) return undefined;
      return { balance, fence: highest };
    },
    async history(id) {
      return balances.stored.filter(([name]) => name === `/${id}`).map(([, balance]) => balance);
    },
    async [Symbol.asyncDispose]() {},
  };
});

describe("An HTTP service with a fence", () => {
  const put = async (headers: [name: string, value: string][]): Promise<number> => {
    const { status } = await fetch(`${url}/header`, { method: "PUT", body: "1", headers });
    return status;
  };

  it.each([
    ["no token", []],
    ["no number", [["fencing-token", "x"]]],
    [
      "two tokens",
      [
        ["fencing-token", "1"],
        ["fencing-token", "2"],
      ],
    ],
  ] satisfies [string, [string, string][]][])("answers 400 to %s", async (_, headers) => {
    expect(await put(headers)).toBe(400);
    expect(balances.has("/header")).toBe(false);
    expect(fence.highest("/header")).toBeUndefined();
  });

  it("compares when the whole request is there, not when it begins", async () => {
    const older = request(`${url}/slow`, { method: "PUT", headers: { "fencing-token": "1" } });
    const begun = once(server, "request");
    older.write("1");
    await begun;
    await section.setBalance(`${url}/slow`, 2, 2n);

    older.end();

    const [response] = (await once(older, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(412);
    expect(balances.get("/slow")).toBe(2);
  });
});
