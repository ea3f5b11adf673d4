import type { CommandSpec } from "../command.ts";
import { isFile, namesCommand, optionsOf, type Written } from "./table.ts";

/** The completion for fish. */
export function fishCompletion(commands: readonly CommandSpec[]): string {
  return `# fish completion of microlock: microlock completion fish >~/.config/fish/completions/microlock.fish

function __microlock_names
  ${namesCommand(commands) ?? "true"}
end

# Whether the command to run has begun.
function __microlock_runs
  contains -- -- (commandline -opc)
end

complete -c microlock -f
complete -c microlock -n "not __microlock_runs; and __fish_use_subcommand" -l version -s V -d ${quoted("say the version")}
${commands.flatMap(linesOf).join("\n")}
`;
}

function linesOf(command: CommandSpec): string[] {
  const { name, summary, operands, takesCommand } = command;
  const when = `-n "not __microlock_runs; and __fish_seen_subcommand_from ${name}"`;
  const candidates =
    operands.choices?.join(" ") ?? (operands.areLocks ? "(__microlock_names)" : "");
  const running = `-n "__microlock_runs; and __fish_seen_subcommand_from ${name}"`;
  return [
    `complete -c microlock -n "not __microlock_runs; and __fish_use_subcommand" -a ${name} -d ${quoted(summary)}`,
    ...optionsOf(command).map((option) => `complete -c microlock ${when} ${flagsOf(option)}`),
    ...(candidates ? [`complete -c microlock ${when} -a ${quoted(candidates)}`] : []),
    ...(takesCommand
      ? [
          `complete -c microlock ${running} -a "(__fish_complete_subcommand --fcs-skip=(contains -i -- -- (commandline -opc)))"`,
        ]
      : []),
  ];
}

function flagsOf({ name, spec }: Written): string {
  const { short, value, choices, help } = spec;
  const takes = value === undefined ? "" : isFile(spec) ? " -r -F" : " -x";
  const words = choices ? ` -a ${quoted(choices.join(" "))}` : "";
  return `-l ${name}${short ? ` -s ${short}` : ""}${takes}${words} -d ${quoted(help)}`;
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
