import { S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { StaleTokenError } from "../../src/index.ts";
import { describeGuardedWrites, type GuardedAccounts } from "../support/describe-guarded-writes.ts";
import { FakeS3 } from "../support/fake-s3.ts";
import { importSection } from "../support/fencing-page.ts";

interface Section {
  setBalance(
    s3: S3Client,
    object: { Bucket: string; Key: string },
    balance: number,
    token: bigint,
  ): Promise<void>;
}

let section: Section;
let server: FakeS3;
let client: S3Client;

beforeAll(async () => {
  // Its version is pinned to one that works on every Node.js that we support.
  vi.stubEnv("AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED", "true");
  section = await importSection<Section>("S3");
  server = await FakeS3.start();
  client = new S3Client({
    endpoint: server.endpoint,
    region: "eu-central-1",
    credentials: { accessKeyId: "id", secretAccessKey: "secret" },
    forcePathStyle: true,
  });
});
afterAll(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
});

const setBalance = (Key: string, balance: number, token: bigint): Promise<void> =>
  section.setBalance(client, { Bucket: "bank", Key }, balance, token);

function parse(content: string): { balance: number; fence: bigint } {
  const { balance, fence } = JSON.parse(content);
  return { balance, fence: BigInt(fence) };
}

describeGuardedWrites("S3", async (): Promise<GuardedAccounts> => {
  return {
    setBalance,
    async read(id) {
      const content = server.read(`/bank/${id}`);
      return content === undefined ? undefined : parse(content);
    },
    async history(id) {
      const contents = server.written.filter(([path]) => path === `/bank/${id}`);
      return contents.map(([, content]) => parse(content).balance);
    },
    async [Symbol.asyncDispose]() {},
  };
});

describe("A guarded write to S3 that another one overtakes", () => {
  /** Lets a newer holder write between the look of the older one and its write. */
  function overtakeOnce(overtake: () => Promise<void>): void {
    server.beforePut = () => {
      server.beforePut = undefined;
      return overtake();
    };
  }

  it.each([
    ["another balance", 7],
    ["the balance that was there", 1],
  ])("is refused when that was %s", async (what, balance) => {
    await setBalance(what, 1, 1n);
    overtakeOnce(() => setBalance(what, balance, 3n));

    await expect(setBalance(what, 2, 2n)).rejects.toThrow(StaleTokenError);

    expect(parse(server.read(`/bank/${what.replaceAll(" ", "%20")}`) ?? "")).toEqual({
      balance,
      fence: 3n,
    });
  });

  it("is refused when that was the first", async () => {
    overtakeOnce(() => setBalance("first", 7, 3n));

    await expect(setBalance("first", 2, 2n)).rejects.toThrow(StaleTokenError);

    expect(parse(server.read("/bank/first") ?? "")).toEqual({ balance: 7, fence: 3n });
  });

  it("goes through when that was older", async () => {
    overtakeOnce(() => setBalance("older", 7, 1n));

    await setBalance("older", 2, 2n);

    expect(parse(server.read("/bank/older") ?? "")).toEqual({ balance: 2, fence: 2n });
  });
});
