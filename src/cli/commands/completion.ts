import type { Args } from "../args.ts";
import type { CommandSpec } from "../command.ts";
import { bashCompletion } from "../completion/bash.ts";
import { fishCompletion } from "../completion/fish.ts";
import { zshCompletion } from "../completion/zsh.ts";
import { exitCodes } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { UsageError } from "../usage-error.ts";

const scripts: Readonly<Record<string, (commands: readonly CommandSpec[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** Writes a script that completes our words in a shell. */
export async function run(
  { operands }: Args,
  io: Io,
  commands: readonly CommandSpec[],
): Promise<number> {
  const [shell = ""] = operands;
  const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
  if (!script) {
    const known = Object.keys(scripts).join(", ");
    throw new UsageError(`there is no completion for ${JSON.stringify(shell)}, but for ${known}`);
  }
  io.stdout.write(script(commands));
  return exitCodes.ok;
}
