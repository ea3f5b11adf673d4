import { textOf } from "./keys.ts";
import { isRecord } from "./options.ts";

/** The members of a JSON object; none if it is something else, or no JSON at all. Anybody may have written it. */
export function jsonMembers(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(textOf(bytes));
    return isRecord(value) ? value : {};
  } catch {
    // A foreign entry: Go's and etcdctl's are empty.
    return {};
  }
}
