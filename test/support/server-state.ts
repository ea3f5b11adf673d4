import { expect, vi } from "vitest";
import type { EtcdServer } from "./etcd-server.ts";

/** Waits until something is so, and says what it is instead when it never is. */
export function soon(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 15_000, interval: 20 });
}

/** What etcd counts. */
export async function metric(server: EtcdServer, name: string): Promise<number> {
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^etcd_debugging_${name} (\\d+)$`, "m").exec(metrics)?.[1]);
}

/** The keys of all locks, but not those of sessions. */
export async function lockKeys(server: EtcdServer): Promise<string[]> {
  const { stdout } = await server.etcdctl("get", "", "--from-key", "--keys-only");
  return stdout.split("\n").filter((line) => line && !line.includes("%session"));
}

/** Resolves once so many stand in the queue. */
export async function waitersOf(server: EtcdServer, key: string, count: number): Promise<void> {
  for (;;) {
    const { stdout } = await server.etcdctl("get", "--prefix", `${key}/`, "--keys-only");
    if (stdout.split("\n").filter(Boolean).length >= count) return;
  }
}

/** Checks that a server has no key, no lease and no watch. */
export async function nothingLeft(server: EtcdServer): Promise<void> {
  await nothingOfOursLeft(server);
  // One whose end got no answer, as from a server that was just killed, ends by itself.
  await soon(async () => {
    const leases = await server.etcdctl("lease", "list");
    expect(leases.stdout.trim()).toBe("found 0 leases");
  });
}

/** Checks that a server has no key and no watch. */
export async function nothingOfOursLeft(server: EtcdServer): Promise<void> {
  const keys = await server.etcdctl("get", "", "--from-key", "--keys-only");
  expect(keys.stdout.trim()).toBe("");
  await soon(async () => expect(await metric(server, "mvcc_watcher_total")).toBe(0));
}
