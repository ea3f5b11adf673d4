// Compiled, not run: a strict TypeScript user without `skipLibCheck`.
import Microlock, {
  AlreadyLockedError,
  type ConnectOptions,
  connect,
  events,
  type Hold,
  type Locks,
} from "microlock";
import { type EtcdOptions, type StartedEtcd, startEtcd } from "microlock/testkit";

export async function invoice(options: ConnectOptions): Promise<string> {
  await using locks: Locks = await connect("memory:", options);
  const token: bigint = await locks.run("invoices", async (hold: Hold) => {
    hold.signal.throwIfAborted();
    return hold.fencingToken;
  });
  const maybe: Hold | undefined = await locks.tryAcquire("invoices");
  await maybe?.release();
  return String(token);
}

export async function tested(options: EtcdOptions): Promise<void> {
  await using etcd: StartedEtcd = await startEtcd({ ...options, port: 0 });
  const locks: Locks = await connect(etcd.address);
  await locks.close();
  // @ts-expect-error: a port is a number.
  await startEtcd({ port: "2379" });
}

export async function legacy(locks: Locks): Promise<void> {
  const lock = new Microlock(locks, "foo", "me", 5);
  lock.on(events.unlocked, () => {});
  try {
    await lock.lock();
  } catch (error) {
    if (error instanceof AlreadyLockedError) console.log(error.code, error.holder?.nodeId);
  }
  // @ts-expect-error: a name is a string.
  await locks.acquire(42);
}
