import { parseArgs } from "node:util";
import type { CommandSpec, OptionSpecs } from "./command.ts";
import { durationMs } from "./duration.ts";
import { unsupported } from "./unsupported.ts";
import { UsageError } from "./usage-error.ts";

type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** What was written behind a command's name, read by the command's own rules. */
export class Args {
  /** What stands for itself: the names of locks, mostly. */
  readonly operands: readonly string[];
  /** The command to be run, with its arguments; empty if there is none. */
  readonly command: readonly string[];
  readonly #values: Values;

  constructor(operands: readonly string[], command: readonly string[], values: Values) {
    this.operands = operands;
    this.command = command;
    this.#values = values;
  }

  /** Whether a flag is set. */
  flag(option: string): boolean {
    return this.#values[option] === true;
  }

  /** The value of an option; undefined if it was not given. */
  text(option: string): string | undefined {
    const value = this.#values[option];
    return typeof value === "string" ? value : undefined;
  }

  /** All values of an option that may come several times. */
  texts(option: string): readonly string[] {
    const values = this.#values[option];
    return Array.isArray(values) ? values.map(String) : [];
  }

  /** A duration in milliseconds, which is written in seconds or with a unit. */
  ms(option: string): number | undefined {
    const text = this.text(option);
    return text === undefined ? undefined : durationMs(`--${option}`, text);
  }

  /** A whole number within bounds. */
  integer(option: string, min: number, max: number): number | undefined {
    const text = this.text(option);
    if (text === undefined) return undefined;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    const range = `a whole number from ${min} to ${max}`;
    throw new UsageError(`--${option} must be ${range}, but is ${JSON.stringify(text)}`);
  }
}

/**
 * Reads the arguments of a command. Options may stand anywhere before the command to be run,
 * which begins behind `--`, or with the first word behind the operand; from there on nothing is ours.
 *
 * @throws {UsageError}
 */
export function parse(spec: CommandSpec, argv: readonly string[]): Args {
  const { operands, options, takesCommand } = spec;
  const end = takesCommand ? startOfCommand(options, argv, operands.max) : argv.length;
  const ours = argv.slice(0, end);
  const command = argv.slice(argv[end] === "--" ? end + 1 : end);
  const { values, positionals } = read(options, ours);
  if (positionals.length > operands.max) {
    throw new UsageError(`there is no use for ${JSON.stringify(positionals[operands.max])} here`);
  }
  // Whoever asks for help need not know what is missing.
  if (values["help"]) return new Args(positionals, command, values);
  if (positionals.length < operands.min) throw new UsageError(`too few words: see the usage`);
  if (takesCommand === "required" && command.length === 0) needsCommand(values);
  return new Args(positionals, command, values);
}

/** A shell command stands for a command. */
function needsCommand(values: Values): void {
  if (values["command"] !== undefined) return;
  throw new UsageError("the command to run is missing: write it behind --");
}

/** Where in the arguments the command to be run begins. */
function startOfCommand(specs: OptionSpecs, argv: readonly string[], operandsMax: number): number {
  const { tokens } = parseArgs({
    args: [...argv],
    options: optionsOf(specs),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const cuts = tokens.flatMap(({ kind, index }) => (kind === "option-terminator" ? [index] : []));
  const words = tokens.filter(({ kind }) => kind === "positional");
  return Math.min(cuts[0] ?? argv.length, words[operandsMax]?.index ?? argv.length);
}

function read(
  specs: OptionSpecs,
  args: readonly string[],
): { values: Values; positionals: readonly string[] } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: optionsOf(specs),
      allowPositionals: true,
    });
    for (const [name, { choices }] of Object.entries(specs)) check(name, values[name], choices);
    return { values, positionals };
  } catch (error) {
    if (!(error instanceof TypeError && "code" in error)) throw error;
    throw new UsageError(unsupported(args) ?? sayOf(error));
  }
}

function check(name: string, value: unknown, choices: readonly string[] | undefined): void {
  if (!choices || value === undefined || choices.includes(String(value))) return;
  throw new UsageError(`--${name} must be one of ${choices.join(", ")}, but is ${value}`);
}

/** What Node says of the arguments goes on about what to do in its second sentence. */
function sayOf({ message }: Error): string {
  const [sentence = message] = message.split(/[.\n](?:\s|$)/);
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

function optionsOf(
  specs: OptionSpecs,
): Record<string, { type: "string" | "boolean"; short?: string; multiple?: boolean }> {
  const of = ({ value, short, multiple = false }: OptionSpecs[string]) => ({
    type: value === undefined ? ("boolean" as const) : ("string" as const),
    multiple,
    ...(short ? { short } : {}),
  });
  return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, of(spec)]));
}
