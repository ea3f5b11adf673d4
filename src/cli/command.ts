import type { Args } from "./args.ts";
import type { Io } from "./io.ts";

/** An option of a command, as the parser, the help, the completions and the man page see it. */
export interface OptionSpec {
  /** One letter for it. */
  readonly short?: string;
  /** What stands for its value in the help; an option without one is a flag. */
  readonly value?: string;
  /** Whether it may come several times. */
  readonly multiple?: boolean;
  /** What values it takes, where there are a few. */
  readonly choices?: readonly string[];
  /** What it does, in one sentence without a full stop. */
  readonly help: string;
}

/** All options of a command, by their long names. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/**
 * Carries a command out, and resolves with its exit code. What it throws is told to the user.
 * `commands` are all there are.
 */
export type Run = (args: Args, io: Io, commands: readonly CommandSpec[]) => Promise<number>;

/** A command, as the parser, the help, the completions and the man page see it. */
export interface CommandSpec {
  readonly name: string;
  /** What it does, in a few words. */
  readonly summary: string;
  /** How it is called, each way a line, without `microlock`. */
  readonly usage: readonly string[];
  /** What else there is to know, a paragraph each. */
  readonly description: readonly string[];
  readonly options: OptionSpecs;
  /** What its positional arguments are: at least and at most how many, and what the shell completes. */
  readonly operands: {
    readonly min: number;
    readonly max: number;
    readonly areLocks?: boolean;
    /** What the first one may be, where there are a few. */
    readonly choices?: readonly string[];
  };
  /** Whether a command to be run may, or must, stand behind its operands. */
  readonly takesCommand?: "required" | "optional";
  /** Commands that one would copy, each with what it is for. */
  readonly examples: readonly (readonly [command: string, what: string])[];
  /** Loads what carries it out, only when it is asked for. */
  readonly load: () => Promise<{ readonly run: Run }>;
}
