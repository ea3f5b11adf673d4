import { MicrolockError } from "./microlock-error.ts";

/** An argument or option is not what it should be. Nothing was sent or created. */
export class InvalidOptionError extends MicrolockError {
  /** The argument or option, as the caller writes it. */
  readonly option: string;

  /** The message is "`option` must be `expected`, but is …", with what came described in words. */
  constructor(option: string, expected: string, received: unknown, options?: ErrorOptions) {
    super("INVALID_OPTION", `${option} must be ${expected}, but is ${describe(received)}`, options);
    this.option = option;
  }
}

/** A value as an error message shows it: its kind, and as much of it as helps. */
function describe(value: unknown): string {
  if (typeof value === "string") {
    return value.length > 60 ? `a string of ${value.length} characters` : JSON.stringify(value);
  }
  if (value === null || value === undefined || typeof value === "boolean") return String(value);
  if (typeof value === "number") return String(value);
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : "an array";
  if (typeof value !== "object") return `a ${typeof value}`;
  const kind: unknown = value.constructor?.name;
  return typeof kind === "string" && kind !== "Object" ? `an instance of ${kind}` : "an object";
}
