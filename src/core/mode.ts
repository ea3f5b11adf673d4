/** What an entry stands in a queue for. Its key says it, so that nobody can change it later. */
export type Mode =
  | { readonly kind: "exclusive" | "read" | "write" | "election" | "kept" }
  /** `taken` of `total` permits of a semaphore. */
  | { readonly kind: "permits"; readonly total: number; readonly taken: number }
  /** One of `total` that a barrier or a latch waits for. */
  | { readonly kind: "barrier" | "latch"; readonly total: number };

/**
 * What the key of an entry has between the queue's prefix and the entry's own id. A plain
 * lock has nothing there, as Go's `concurrency.Mutex` and etcdctl; readers and writers have what
 * Go's `recipes.RWMutex` has. The rest is ours: to others each is one more contender.
 */
export function infixOf(mode: Mode): string {
  switch (mode.kind) {
    case "exclusive":
      return "";
    case "election":
      return "elect/";
    case "permits":
      return `permits/${mode.total}/${mode.taken}/`;
    case "barrier":
    case "latch":
      return `${mode.kind}/${mode.total}/`;
    default:
      return `${mode.kind}/`;
  }
}

const companionMark = /^((?:read|write)\/)?kept-/;

/**
 * What the key of a companion (see there) has behind the queue's prefix, by what the key of the
 * entry has there that it stands beside. It is in the way of whoever that entry is in the way of:
 * Go's readers wait for all below `write`, and ours for none below `read/`.
 */
export function companionSuffix(suffix: string): string {
  return suffix.replace(/^(?:read\/|write\/)?/, "$&kept-");
}

/** Whether a key is that of a companion, by what it has behind the queue's prefix. */
export function isCompanionSuffix(suffix: string): boolean {
  return companionMark.test(suffix);
}

/**
 * Reads the mode from what a key has behind the queue's prefix. Anybody may have written it:
 * whatever is not ours wants the lock for itself. A companion has that of what it stands beside.
 */
export function modeOf(suffix: string): Mode {
  const [word, ...rest] = suffix.replace(companionMark, "$1").split("/");
  const [first = 0, second = 0] = rest.slice(0, -1).map(numberOf);
  const parts = rest.length;
  switch (word) {
    case "read":
    case "write":
    case "kept":
      return { kind: word };
    case "elect":
      return { kind: "election" };
    case "permits":
      if (parts === 3 && second >= 1 && second <= first) {
        return { kind: word, total: first, taken: second };
      }
      break;
    case "barrier":
    case "latch":
      if (parts === 2 && first >= 1) return { kind: word, total: first };
  }
  return { kind: "exclusive" };
}

/** A number as `infixOf` writes it; else none that would do. */
function numberOf(text: string): number {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : 0;
}
