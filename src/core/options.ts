import { InvalidOptionError } from "../errors.ts";

const textBytesMax = 4_096;
// Etcd's own limit is 9 000 000 000 seconds.
const ttlMsMax = 9_000_000_000_000;

// More than that stands in no queue.
const countMax = 1_000_000;

/** Checks the names of locks that are asked for together. Each counts once. */
export function checkNames(names: unknown): asserts names is readonly string[] {
  if (!Array.isArray(names) || names.length === 0) {
    throw new InvalidOptionError("names", "a name, or an array of at least one", names);
  }
  for (const name of names) checkName(name);
}

/** Checks the name of a lock. */
export function checkName(name: unknown): asserts name is string {
  if (typeof name !== "string" || name === "") {
    throw new InvalidOptionError("name", "a string that is not empty", name);
  }
  if (!name.isWellFormed()) {
    throw new InvalidOptionError("name", "well-formed Unicode, without lone surrogates", name);
  }
  checkLength("name", name);
}

/** Checks a key in etcd. */
export function checkKey(key: unknown): asserts key is string {
  if (typeof key !== "string" || key === "" || !key.isWellFormed()) {
    throw new InvalidOptionError("key", "a well-formed string that is not empty", key);
  }
}

/** Checks a duration in milliseconds; zero is one, and so is infinity. */
export function checkDuration(option: string, ms: unknown): void {
  if (ms !== undefined && !(typeof ms === "number" && ms >= 0)) {
    throw new InvalidOptionError(option, "a number of milliseconds, 0 or more", ms);
  }
}

/** Checks a duration in milliseconds that cannot be infinite, nor zero unless `min` says so. */
export function checkSpan(option: string, ms: unknown, min: 0 | 1 = 1): void {
  if (ms !== undefined && !(typeof ms === "number" && ms >= min && ms <= ttlMsMax)) {
    throw new InvalidOptionError(option, `a number of milliseconds from ${min} to ${ttlMsMax}`, ms);
  }
}

/** Checks a string of any length. */
export function checkString(option: string, text: unknown): asserts text is string {
  if (typeof text === "string" && text.isWellFormed()) return;
  throw new InvalidOptionError(option, "a well-formed string", text);
}

/** Checks a string that may be left out. */
export function checkText(option: string, text: unknown): void {
  if (text === undefined) return;
  checkString(option, text);
  checkLength(option, text);
}

/** Checks a string that must be given, and say something. */
export function checkFilled(option: string, text: unknown): void {
  if (text === undefined || text === "") {
    throw new InvalidOptionError(option, "a string that is not empty", text);
  }
  checkText(option, text);
}

function checkLength(option: string, text: string): void {
  if (Buffer.byteLength(text, "utf8") > textBytesMax) {
    throw new InvalidOptionError(option, `at most ${textBytesMax} bytes long in UTF-8`, text);
  }
}

/** Checks what goes to etcd as bytes. */
export function checkBytes(option: string, value: unknown): asserts value is string | Uint8Array {
  if (typeof value === "string" ? value.isWellFormed() : value instanceof Uint8Array) return;
  throw new InvalidOptionError(option, "a well-formed string or bytes", value);
}

/** Checks a signal that may be left out. */
export function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new InvalidOptionError("signal", "an AbortSignal", signal);
  }
}

/** Checks a yes or no that may be left out. */
export function checkFlag(option: string, value: unknown): void {
  if (value !== undefined && typeof value !== "boolean") {
    throw new InvalidOptionError(option, "true or false", value);
  }
}

/** Checks a number of things: whole, from 1 to `max`. */
export function checkCount(
  option: string,
  value: unknown,
  max: number = countMax,
): asserts value is number {
  if (!(Number.isInteger(value) && Number(value) >= 1 && Number(value) <= max)) {
    throw new InvalidOptionError(option, `a whole number from 1 to ${max}`, value);
  }
}

/** Checks that a function was passed. */
export function checkFunction(option: string, value: unknown): void {
  if (typeof value !== "function") throw new InvalidOptionError(option, "a function", value);
}

/** Checks an object that may be left out: it must have the methods that we call. */
export function checkMethods(option: string, value: unknown, methods: readonly string[]): void {
  if (value === undefined) return;
  const members = Object(value) as Readonly<Record<string, unknown>>;
  if (!methods.every((method) => typeof members[method] === "function")) {
    throw new InvalidOptionError(option, `an object with the methods ${methods.join(", ")}`, value);
  }
}

/** Whether a value is an object with members, rather than an array, a URL, a Map or the like. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(value) === "[object Object]";
}

/** Checks that `options` is an object with none but the `known` members: a misspelt one would do nothing. */
export function checkKnown(options: unknown, known: readonly string[], name = "options"): void {
  if (!isRecord(options)) throw new InvalidOptionError(name, "an object", options);
  for (const [option, value] of Object.entries(options)) {
    if (known.includes(option)) continue;
    const expected = `left out (there are ${known.join(", ")})`;
    throw new InvalidOptionError(`${name}.${option}`, expected, value);
  }
}

/** Checks options of which there is but one: the signal. */
export function checkSignalOnly(options: { signal?: unknown }): void {
  checkKnown(options, ["signal"]);
  checkSignal(options.signal);
}

/** Checks what a single request to etcd takes. */
export function checkWaiting(options: { signal?: unknown; timeoutMs?: unknown }): void {
  checkKnown(options, ["signal", "timeoutMs"]);
  checkSignal(options.signal);
  checkSpan("timeoutMs", options.timeoutMs);
}
