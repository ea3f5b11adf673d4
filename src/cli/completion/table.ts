import type { CommandSpec, OptionSpec } from "../command.ts";
import { commonOptions } from "../help.ts";

/** An option as it is written: `--wait` and `-w`. */
export interface Written {
  readonly name: string;
  readonly words: readonly string[];
  readonly spec: OptionSpec;
}

/** All options of a command, those that all have as well. */
export function optionsOf(command: CommandSpec): readonly Written[] {
  const all = Object.entries<OptionSpec>({ ...command.options, ...commonOptions });
  return all.map(([name, spec]) => ({
    name,
    words: [`--${name}`, ...(spec.short ? [`-${spec.short}`] : [])],
    spec,
  }));
}

/** Whether the value of an option is the path of a file. */
export function isFile({ value }: OptionSpec): boolean {
  return value === "FILE" || value === "PATH";
}

/**
 * A shell command that writes the names of the locks that are held; nothing if there is no command
 * to ask. It is in a hurry, since somebody waits for it before a key press has an effect.
 */
export function namesCommand(commands: readonly CommandSpec[]): string | undefined {
  if (!commands.some(({ name }) => name === "ls")) return undefined;
  const list =
    "microlock ls --json --dial-timeout 500ms --command-timeout 1s 2>/dev/null </dev/null";
  // A name with a quote or a backslash in it is left out.
  return `${list} | grep -o '"name":"[^"\\\\]*"' | cut -d '"' -f 4`;
}
