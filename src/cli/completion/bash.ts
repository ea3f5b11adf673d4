import type { CommandSpec } from "../command.ts";
import { isFile, namesCommand, optionsOf } from "./table.ts";

/** The completion for bash. */
export function bashCompletion(commands: readonly CommandSpec[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const runners = commands.filter(({ takesCommand }) => takesCommand);
  return `# bash completion of microlock: source <(microlock completion bash)

# The options of a command.
_microlock_options() {
  case "$1" in
${commands.map(optionsCase).join("\n")}
  esac
}

# What stands behind an option: file, words to choose from, or anything else.
_microlock_value() {
  case "$1 $2" in
${commands.flatMap(valueCases).join("\n")}
  esac
}

# How many operands come before a command to run; nothing where there is none to run.
_microlock_operands() {
  case "$1" in
${runners.map(({ name, operands }) => `    ${name}) echo ${operands.max} ;;`).join("\n")}
  esac
}

# What an operand may be.
_microlock_operand() {
  case "$1" in
${commands.flatMap((command) => operandCase(command, commands)).join("\n")}
  esac
}

# Completes the command to run, which begins at a word.
_microlock_command() {
  if declare -F _comp_command_offset >/dev/null; then
    _comp_command_offset "$1"
  elif declare -F _command_offset >/dev/null; then
    _command_offset "$1"
  elif ((COMP_CWORD == $1)); then
    mapfile -t COMPREPLY < <(compgen -c -- "\${COMP_WORDS[COMP_CWORD]}")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")
    compopt -o filenames 2>/dev/null
  fi
}

_microlock() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" expects="" word
  local -i i operands=0 max
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "${names} help --help --version" -- "$cur")
    return
  fi
  local limit
  limit="$(_microlock_operands "$command")"
  for ((i = 2; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    # bash takes --wait=5 and host:port apart.
    if [[ "$word" == ":" ]]; then
      i+=1
    elif [[ -n "$expects" ]]; then
      [[ "$word" == "=" ]] || expects=""
    elif [[ "$word" == "--" ]]; then
      [[ -z "$limit" ]] || _microlock_command $((i + 1))
      return
    elif [[ "$word" == -* ]]; then
      expects="$(_microlock_value "$command" "$word")"
    else
      operands+=1
      if [[ -n "$limit" ]] && ((operands > limit)); then
        _microlock_command "$i"
        return
      fi
    fi
  done
  [[ "$cur" != "=" ]] || cur=""
  if [[ -z "$expects" && -n "$limit" && "$cur" != -* ]] && ((operands == limit)); then
    _microlock_command "$COMP_CWORD"
    return
  fi
  case "$expects" in
    file)
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      compopt -o filenames 2>/dev/null
      ;;
    any) ;;
    ?*) mapfile -t COMPREPLY < <(compgen -W "$expects" -- "$cur") ;;
    *)
      if [[ "$cur" == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_microlock_options "$command")" -- "$cur")
      else
        local IFS=$'\\n'
        mapfile -t COMPREPLY < <(compgen -W "$(_microlock_operand "$command")" -- "$cur")
      fi
      ;;
  esac
}

complete -F _microlock microlock
`;
}

function optionsCase(command: CommandSpec): string {
  const words = optionsOf(command).flatMap((option) => option.words);
  return `    ${command.name}) echo "${words.join(" ")}" ;;`;
}

function valueCases(command: CommandSpec): string[] {
  return optionsOf(command).flatMap(({ words, spec }) => {
    if (spec.value === undefined) return [];
    const pattern = words.map((word) => `"${command.name} ${word}"`).join(" | ");
    const what = isFile(spec) ? "file" : (spec.choices?.join(" ") ?? "any");
    return [`    ${pattern}) echo "${what}" ;;`];
  });
}

function operandCase({ name, operands }: CommandSpec, commands: readonly CommandSpec[]): string[] {
  const { choices, areLocks } = operands;
  const held = areLocks ? namesCommand(commands) : undefined;
  if (choices) return [`    ${name}) printf '%s\\n' ${choices.join(" ")} ;;`];
  return held === undefined ? [] : [`    ${name}) ${held} ;;`];
}
