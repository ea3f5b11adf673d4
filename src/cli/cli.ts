import { parse } from "./args.ts";
import type { CommandSpec } from "./command.ts";
import { commands } from "./commands.ts";
import { exitCodeOf, exitCodes, messageOf } from "./exit-codes.ts";
import { commonOptions, helpOf, overview } from "./help.ts";
import type { Io } from "./io.ts";
import { UsageError } from "./usage-error.ts";
import { version } from "./version.ts";

/** Carries out a command line, and resolves with the exit code. It never throws. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  const [word, ...rest] = argv;
  try {
    if (word === undefined || word === "--help" || word === "-h" || word === "help") {
      return help(rest, word === undefined, io);
    }
    if (word === "--version" || word === "-V") {
      io.stdout.write(`${version()}\n`);
      return exitCodes.ok;
    }
    return await carryOut(commandOf(word), rest, io);
  } catch (error) {
    return fail(error, "microlock", io);
  }
}

async function carryOut(found: CommandSpec, argv: readonly string[], io: Io): Promise<number> {
  const spec = { ...found, options: { ...found.options, ...commonOptions } };
  try {
    const args = parse(spec, argv);
    if (args.flag("help")) {
      io.stdout.write(helpOf(spec, io.stdout.columns));
      return exitCodes.ok;
    }
    const { run } = await spec.load();
    return await run(args, io, commands);
  } catch (error) {
    return fail(error, `microlock ${spec.name}`, io);
  }
}

function help([word]: readonly string[], isMistake: boolean, io: Io): number {
  const out = isMistake ? io.stderr : io.stdout;
  if (word === undefined) out.write(overview(commands, out.columns));
  else out.write(helpOf(commandOf(word), out.columns));
  return isMistake ? exitCodes.usage : exitCodes.ok;
}

function commandOf(word: string): CommandSpec {
  const spec = commands.find(({ name }) => name === word);
  if (spec) return spec;
  const names = commands.map(({ name }) => name).join(", ");
  throw new UsageError(`there is no command ${JSON.stringify(word)}; there are ${names}`);
}

function fail(error: unknown, who: string, io: Io): number {
  const code = exitCodeOf(error);
  // Whoever ended it knows.
  if (code <= 128) io.stderr.write(`${who}: ${messageOf(error)}\n`);
  if (error instanceof UsageError) io.stderr.write(`Try: ${who} --help\n`);
  return code;
}
