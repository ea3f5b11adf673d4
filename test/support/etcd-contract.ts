import type { ContractCase } from "./contract/bench.ts";
import { compactCases } from "./contract/compact-cases.ts";
import { compareCases } from "./contract/compare-cases.ts";
import { leaseCases } from "./contract/lease-cases.ts";
import { putCases } from "./contract/put-cases.ts";
import { rangeCases } from "./contract/range-cases.ts";
import { refusalCases } from "./contract/refusal-cases.ts";
import { txnCases } from "./contract/txn-cases.ts";
import { watchCases } from "./contract/watch-cases.ts";
import { watchSpanCases } from "./contract/watch-span-cases.ts";

/**
 * What every store behind the port does, the embedded one and etcd itself. The cases run one
 * after the other; each has a connection of its own and keys that nobody else uses.
 */
export const etcdContract: Readonly<Record<string, readonly ContractCase[]>> = {
  "put and deleteRange": putCases,
  range: rangeCases,
  compare: compareCases,
  txn: txnCases,
  refusals: refusalCases,
  leases: leaseCases,
  watch: watchCases,
  "where watches begin and end": watchSpanCases,
  "compact, signals and close": compactCases,
};
