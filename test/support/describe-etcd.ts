import { describe, it } from "vitest";
import type { Etcd } from "../../src/etcd/api.ts";
import { ContractBench } from "./contract/bench.ts";
import { etcdContract } from "./etcd-contract.ts";

/** A store under test, as one case sees it. */
export interface OpenedEtcd {
  /** It is closed after the case. */
  readonly etcd: Etcd;
  /** Lets time pass for its leases. Without it, the test waits for as long. */
  readonly passTime?: ((ms: number) => Promise<void>) | undefined;
  /** What is to be done when the store is closed. */
  readonly afterwards?: (() => void) | undefined;
}

/** Holds a store against the contract. `open` is called for each case. */
export function describeEtcd(name: string, open: () => Promise<OpenedEtcd>): void {
  describe(name, () => {
    for (const [group, cases] of Object.entries(etcdContract)) {
      describe(group, () => {
        for (const { name: sentence, check } of cases) {
          it(sentence, { timeout: 20_000 }, async () => {
            const { etcd, passTime = sleep, afterwards } = await open();
            try {
              await check(await ContractBench.open(etcd, passTime));
            } finally {
              await etcd.close();
              afterwards?.();
            }
          });
        }
      });
    }
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
