import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, inject, it } from "vitest";

const run = promisify(execFile);
const consumer = inject("consumer");
const installed = join(consumer, "node_modules/microlock");

// All that users can import. A name that is added or goes shows here, in review.
const values = [
  "AlreadyLockedError",
  "ClosedError",
  "CompactedError",
  "DisagreementError",
  "EtcdClientRequiredError",
  "Fence",
  "InvalidOptionError",
  "InvalidTtlError",
  "KeyRequiredError",
  "LockLostError",
  "LockNotOwnedError",
  "MicrolockError",
  "NodeIdRequiredError",
  "PlaceLostError",
  "RevokedError",
  "StaleTokenError",
  "StoreDeniedError",
  "StoreError",
  "StoreUnavailableError",
  "TooManyNamesError",
  "WatchOverrunError",
  "WouldDeadlockError",
  "connect",
  "default",
  "events",
];
const types = [
  "AcquireOptions",
  "AuthOptions",
  "Barrier",
  "BarrierOptions",
  "CallOptions",
  "CampaignOptions",
  "Clock",
  "CloseEvent",
  "CompactResponse",
  "Compare",
  "ConnectOptions",
  "Contender",
  "DeleteRangeRequest",
  "DeleteRangeResponse",
  "DetachOptions",
  "Election",
  "ErrorCode",
  "Etcd",
  "FenceOptions",
  "FencingToken",
  "ForceReleaseOptions",
  "GuardedTxn",
  "Hold",
  "Holder",
  "Inspection",
  "KeyRange",
  "KeyValue",
  "Latch",
  "LatchOptions",
  "Leader",
  "Leadership",
  "LeaseGrantRequest",
  "LeaseGrantResponse",
  "LeaseKeepAliveResponse",
  "LeaseRevokeResponse",
  "LeaseTimeToLiveRequest",
  "LeaseTimeToLiveResponse",
  "ListOptions",
  "Lock",
  "LockEvent",
  "LockInfo",
  "LockManagerSnapshot",
  "LockRequestOptions",
  "LockSummary",
  "LockWatch",
  "Locks",
  "LossReason",
  "MicrolockAnswer",
  "MicrolockClient",
  "MicrolockEvents",
  "Mode",
  "Mutex",
  "OnceOptions",
  "OnceOutcome",
  "Operations",
  "PermitOptions",
  "PositionListener",
  "PutRequest",
  "PutResponse",
  "RangeRequest",
  "RangeResponse",
  "RequestOp",
  "RequestedHold",
  "ResponseHeader",
  "ResponseOp",
  "RwLock",
  "Semaphore",
  "Sort",
  "SortTarget",
  "StoreErrorCode",
  "StoreStatus",
  "Target",
  "Term",
  "Textual",
  "TimerOptions",
  "TlsOptions",
  "TryAcquireOptions",
  "TxnRequest",
  "TxnResponse",
  "TxnResult",
  "UntilFreeOptions",
  "UntilOptions",
  "Waiting",
  "Watch",
  "WatchEvent",
  "WatchLockOptions",
  "WatchLocksOptions",
  "WatchObserver",
  "WatchRequest",
  "Work",
  "WriteHold",
];

// The same of the test kit.
const kitValues = [
  "History",
  "ProcessClock",
  "SimulatedClock",
  "SimulatedCluster",
  "SimulatedNetwork",
  "exclusion",
  "fencedWrites",
  "firstComeFirstServed",
  "noLostWakeUp",
  "nothingLeft",
  "permits",
  "readersAndWriters",
  "risingTokens",
  "seededRandom",
  "settle",
  "startEtcd",
  "toldBeforeExpiry",
];
const kitTypes = [
  "ClusterOptions",
  "EtcdOptions",
  "HistoryOptions",
  "NetworkOptions",
  "ProcessClockOptions",
  "Random",
  "Recorded",
  "Resource",
  "ResourceOptions",
  "Snapshot",
  "StartedEtcd",
];

describe("the public surface", () => {
  it("has these paths", () => {
    const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    expect(Object.keys(manifest.exports)).toEqual([".", "./testkit", "./package.json"]);
  });

  it("has these values", async () => {
    const program =
      'import * as all from "microlock"; console.log(JSON.stringify(Object.keys(all)))';
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], {
      cwd: consumer,
    });
    expect(JSON.parse(stdout).sort()).toEqual(values);
  });

  it("has these names in the test kit", async () => {
    const program =
      'import * as all from "microlock/testkit"; console.log(JSON.stringify(Object.keys(all)))';
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], {
      cwd: consumer,
    });
    expect(JSON.parse(stdout).sort()).toEqual(kitValues);
    const names = namesIn(join(installed, "dist/testkit/index.d.ts"));
    expect(names.filter((name) => !kitValues.includes(name)).sort()).toEqual(kitTypes);
  });

  it("has these types", () => {
    const names = namesIn(join(installed, "dist/index.d.ts"));
    expect(names.filter((name) => !values.includes(name)).sort()).toEqual(types);
  });
});

/** The exported names in a file of declarations, as far as our own files go about it. */
function namesIn(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const listed = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = ""]) =>
    list.split(",").map((name) => name.trim().replace(/^type |^.* as /, "")),
  );
  const declared = [
    ...text.matchAll(/^export (?:declare )?(?:class|const|function|interface|type) (\w+)/gm),
  ].map(([, name = ""]) => name);
  const passedOn = [...text.matchAll(/^export (?:type )?\* from "(.*)\.[jt]s";/gm)].flatMap(
    ([, path = ""]) => namesIn(join(dirname(file), `${path}.d.ts`)),
  );
  return [...listed, ...declared, ...passedOn].filter((name) => name !== "");
}
