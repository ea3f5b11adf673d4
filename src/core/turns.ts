import { within } from "../clock.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { Session } from "./session.ts";

const turnsOf = new WeakMap<Session, Map<string, Promise<unknown>>>();

/**
 * Waits until those have ended who had a turn at a key before, in this session. Resolves with what
 * ends ours.
 *
 * @throws {StoreUnavailableError} when that takes longer than a call goes on.
 */
export async function turnAt(session: Session, key: string): Promise<() => void> {
  const turns = turnsOf.get(session) ?? new Map<string, Promise<unknown>>();
  turnsOf.set(session, turns);
  const before = turns.get(key);
  let end = (): void => {};
  const ours = new Promise<void>((resolve) => {
    end = resolve;
  });
  const all = Promise.all([before, ours]).then(() => {
    if (turns.get(key) === all) turns.delete(key);
  });
  turns.set(key, all);
  if (before) await untilOver(session, before, end);
  return end;
}

async function untilOver(session: Session, turn: Promise<unknown>, end: () => void): Promise<void> {
  const { clock, callTimeoutMs } = session.options;
  const isOver = await within(
    clock,
    callTimeoutMs,
    turn.then(() => true),
  );
  if (isOver) return;
  end();
  throw new StoreUnavailableError("What was asked before has had no answer yet", {
    status: "DEADLINE_EXCEEDED",
  });
}
