// Faults of the core that the simulator has to find: each one makes a line of it untrue. The lines are
// looked for as they stand there, so that a mutant whose line has changed says so.

/**
 * @typedef {object} Mutant
 * @property {string} name what it does wrong
 * @property {string} file below src/core/
 * @property {string} find
 * @property {string} replace
 */

/** @type {readonly Mutant[]} */
export const mutants = [
  {
    name: "counts a lease from the answer to a keepalive, not from before it was sent",
    file: "lease-keeper.ts",
    // A margin of its own hides what is less than that.
    find: "sentAt + ttlMs - marginMs(ttlMs)",
    replace: "this.#clock.now() + ttlMs",
  },
  {
    name: "counts a lease with twice the TTL that was granted",
    file: "lease-keeper.ts",
    find: "const ttlMs = Number(ttl) * 1_000 - this.#lease.delayMs;",
    replace: "const ttlMs = Number(ttl) * 2_000 - this.#lease.delayMs;",
  },
  {
    name: "believes for a while after the deadline, until a timer tells",
    file: "lease-keeper.ts",
    find: "if (!this.#lost && now >= this.#expiresAt) {",
    replace: "if (!this.#lost && now >= this.#expiresAt + 2_000) {",
  },
  {
    name: "revives a lease by an answer that comes after its deadline",
    file: "lease-keeper.ts",
    find: "if (!this.#lost && now >= this.#expiresAt) {",
    replace: "if (!this.#lost && now >= this.#expiresAt && now > this.#dueAt + 60_000) {",
  },
  {
    name: "sends changes that nothing makes void",
    file: "transactor.ts",
    find: '{ ...own, target: "modRevision", result: "equal", operand: epoch },',
    replace: "",
  },
  {
    name: "sends changes before those in doubt are void",
    file: "transactor.ts",
    find: "} else if (!step.isHarmless && this.#settled < this.#doubts) {",
    replace: "} else if (!step.isHarmless && this.#settled < 0) {",
  },
  {
    name: "joins again without a look whether it has joined already",
    file: "join.ts",
    find: "if (adopt(place, own)) return look(place, waiting);",
    replace: "place.standsNowhere();",
  },
  {
    name: "takes a later revision for its token",
    file: "join.ts",
    find: "    place.standsSince(revision);\n    return spots.map",
    replace: "    place.standsSince(revision + 1n);\n    return spots.map",
  },
  {
    name: "lets in one more than there are permits",
    file: "rule.ts",
    find: "return room < 0;",
    replace: "return room < -1;",
  },
  {
    name: "lets readers pass writers",
    file: "rule.ts",
    find: "blockers: (ahead) => ahead.filter(({ isReader }) => !isReader).slice(0, 1),",
    replace: "blockers: () => [],",
  },
  {
    name: "takes the first look for an invitation",
    file: "wait-turns.ts",
    find: "    place.rule.blockers(views[index]?.ahead ?? []).length > 0;",
    replace: "    index > 0 && place.rule.blockers(views[index]?.ahead ?? []).length > 0;",
  },
  {
    name: "takes being woken for being let in",
    file: "wait-turns.ts",
    find: "views[blockedAt] = seen[at] as View;",
    replace: "views[blockedAt] = { ...(seen[at] as View), ahead: [] };",
  },
  {
    name: "never looks by itself, should its watch be deaf",
    file: "queue.ts",
    find: "    if (this.#waiters.size === 0) this.#armLook();",
    replace: "",
  },
  {
    name: "leaves without taking its entry away",
    file: "leave.ts",
    find: "    const result = await session.see(() => leaveStep(place.own, place.rule));",
    replace: "    const result = undefined as never;",
  },
  {
    name: "tries once with a look that is too old",
    file: "queue-requests.ts",
    find: "operand: seenAt + 1n };",
    replace: "operand: seenAt + 1_000n };",
  },
  {
    name: "moves to another lease and leaves its entries behind",
    file: "session-lease.ts",
    find: "const keys = [...this.#entryKeys].map(bytesOf);",
    replace: "const keys: Uint8Array[] = [];",
  },
  {
    name: "does not move when etcd has another leader",
    file: "session-lease.ts",
    find: "session.terms.onRise(() => this.#roll());",
    replace: "",
  },
  {
    name: "releases without a look whether it still holds",
    file: "queue-requests.ts",
    find: "compare: ours({ ...own, spots: [spot] }),",
    replace: "compare: [],",
  },
  {
    name: "writes without a look whether it still holds",
    file: "hold.ts",
    find: "compare: this.#place.guard,",
    replace: "compare: [],",
  },
  {
    name: "does not hear that its own entry was taken away",
    file: "queue.ts",
    find: "place?.wasRemoved();",
    replace: "",
  },
  {
    name: "does not hear that somebody wants its hold back",
    file: "losses.ts",
    find: "session.revocations.onRequest((revocation) => this.revoke(revocation)),",
    replace: "",
  },
  {
    name: "takes it that a watch has missed nothing before it began",
    file: "steady-watch.ts",
    find: "let gapless = false;",
    replace: "let gapless = true;",
  },
  {
    name: "waits for what had gone before it began to wait",
    file: "queue.ts",
    find: "if (this.#lastRemoval > since && !this.#areOurs(blocking)) return undefined;",
    replace: "",
  },
  {
    name: "does not see who joined just before it, as if both were one",
    file: "join.ts",
    find: "filter((entry) => entry.createRevision < revision);",
    replace: "filter((entry) => entry.createRevision < revision - 1n);",
  },
  {
    name: "looks past the one just before it",
    file: "queue-requests.ts",
    find: "looks(spot, rule, rule.lookback, { maxCreateRevision: createRevision - 1n });",
    replace: "looks(spot, rule, rule.lookback, { maxCreateRevision: createRevision - 2n });",
  },
  {
    name: "lets a tick end with its work",
    file: "once.ts",
    find: "kept.endAt(endsAt);",
    replace: "void kept.end();",
  },
  {
    name: "opens a latch when one count is missing",
    file: "latch.ts",
    find: "countOf(entries, this.#mode) >= this.total ||",
    replace: "countOf(entries, this.#mode) >= this.total - 1 ||",
  },
  {
    name: "opens a barrier when one party is missing",
    file: "barrier.ts",
    find: "first.length === parties &&",
    replace: "first.length >= parties - 1 &&",
  },
  {
    name: "leaves a barrier in which somebody is still at work",
    file: "barrier.ts",
    find: "if (!progress?.isLeaving) return false;",
    replace: "if (!progress) return false;",
  },
];
