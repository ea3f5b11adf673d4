import { beforeEach, describe, expect, it } from "vitest";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import { eventually } from "../support/eventually.ts";
import { FakeIo } from "../support/fake-io.ts";
import { keysBelow, keysIn } from "../support/store-keys.ts";

let etcd: EmbeddedEtcd;
let io: FakeIo;

beforeEach(() => {
  etcd = new EmbeddedEtcd();
  io = new FakeIo(etcd);
});

describe("microlock elect", () => {
  it("writes its key and value when it leads, and leaves nothing when its stdin ends", async () => {
    const ending = io.run("elect", "boss", "web-1");
    await io.stdout.line();
    const keys = await keysIn(etcd);

    io.stdin.end();

    expect(await ending).toBe(0);
    const [key = "", value] = io.stdout.text.split("\n");
    expect(keys).toContain(key);
    expect(value).toBe("web-1");
    expect(await keysIn(etcd)).toEqual([]);
  });

  it("runs a command while it leads, and ends with its exit code", async () => {
    const script = `[ "$MICROLOCK_VALUE" = web-1 ] && [ -n "$MICROLOCK_TOKEN" ] && exit 5`;

    expect(await io.run("elect", "boss", "web-1", "-c", script)).toBe(5);

    expect(io.stdout.text).toBe("");
    expect(await keysIn(etcd)).toEqual([]);
  });

  it("stops the command when the leadership is lost, and ends with 79", async () => {
    const ending = io.run("elect", "boss", "web-1", "--", "sleep", "60");
    // One more keeps others out until the command has ended.
    const [key = ""] = await keysBelow(etcd, "microlock/boss/", 2);

    await etcd.txn({ success: [{ op: "deleteRange", request: { key: Buffer.from(key) } }] });

    expect(await ending).toBe(79);
  });

  it("ends with 75 if somebody else leads and it is not to wait", async () => {
    const leading = io.run("elect", "boss", "web-1");
    await io.stdout.line();

    expect(await new FakeIo(etcd).run("elect", "-n", "boss", "web-2")).toBe(75);

    io.stdin.end();
    await leading;
  });

  it("refuses to campaign without a value, and to observe with one", async () => {
    expect(await io.run("elect", "boss")).toBe(64);
    expect(await io.run("elect", "--observe", "boss", "web-1")).toBe(64);
  });
});

describe("microlock elect --observe", () => {
  it("writes who leads, now and whenever that changes, until a signal ends it", async () => {
    const first = new FakeIo(etcd);
    const leading = first.run("elect", "boss", "web-1");
    await first.stdout.line();
    const observing = io.run("elect", "--observe", "boss", "--json");
    await io.stdout.line();
    const second = new FakeIo(etcd);
    const following = second.run("elect", "boss", "web-2");
    await keysBelow(etcd, "microlock/boss/", 2);

    first.stdin.end();
    await eventually(() => io.stdout.text.includes("web-2"));
    io.send("SIGINT");

    expect(await observing).toBe(130);
    const told = io.stdout.text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(told).toMatchObject([
      { value: "web-1", token: expect.any(String) },
      { value: "web-2", token: expect.any(String) },
    ]);
    second.stdin.end();
    expect(await Promise.all([leading, following])).toEqual([0, 0]);
  });
});
