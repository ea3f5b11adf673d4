import type { CommandSpec } from "../command.ts";
import { isFile, namesCommand, optionsOf, type Written } from "./table.ts";

/** The completion for zsh. */
export function zshCompletion(commands: readonly CommandSpec[]): string {
  return `#compdef microlock
# zsh completion of microlock: microlock completion zsh >"\${fpath[1]}/_microlock"

_microlock_names() {
  local -a names
  names=(\${(f)"$(${namesCommand(commands) ?? "true"})"})
  (( $#names )) && compadd -a names
}

_microlock() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  _arguments -C '1:command:->command' '*::argument:->arguments'
  case "$state" in
    command)
      local -a commands
      commands=(
${commands.map(({ name, summary }) => `        ${quoted(`${name}:${summary}`)}`).join("\n")}
      )
      _describe command commands
      ;;
    arguments)
      case "$words[1]" in
${commands.map(argumentsCase).join("\n")}
      esac
      ;;
  esac
}

if [ "$funcstack[1]" = _microlock ]; then _microlock "$@"; else compdef _microlock microlock; fi
`;
}

function argumentsCase(command: CommandSpec): string {
  const { name, operands, takesCommand } = command;
  const { choices, areLocks, max } = operands;
  const action = choices ? `(${choices.join(" ")})` : areLocks ? "_microlock_names" : " ";
  const positions = Array.from({ length: max }, (_, index) =>
    quoted(`${index + 1}::operand:${index === 0 ? action : " "}`),
  );
  const rest = takesCommand ? ["'*:::command: _normal'"] : [];
  const lines = [...optionsOf(command).flatMap(specsOf), ...positions, ...rest];
  return `        ${name})
          _arguments -s -S \\
${lines.map((line) => `            ${line}`).join(" \\\n")}
          ;;`;
}

/** Each way to write an option excludes the other, unless it may come several times. */
function specsOf({ words, spec }: Written): string[] {
  const { help, value, choices, multiple } = spec;
  const said = `[${help.replace(/[[\]:\\]/g, "\\$&")}]`;
  const action = isFile(spec) ? "_files" : choices ? `(${choices.join(" ")})` : " ";
  const argument = value === undefined ? "" : `:${value.replace(/[[\]:\\]/g, "\\$&")}:${action}`;
  const before = multiple ? "*" : `(${words.join(" ")})`;
  return words.map((word) => {
    const joint = value === undefined ? "" : word.startsWith("--") ? "=" : "+";
    return quoted(`${before}${word}${joint}${said}${argument}`);
  });
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
