import { vi } from "vitest";
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
