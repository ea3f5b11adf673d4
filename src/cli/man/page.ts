import type { CommandSpec, OptionSpec } from "../command.ts";
import { connectionOptions } from "../connection.ts";
import { commonOptions, rowOf } from "../help.ts";
import { commandEnvironment, environment, exitStatus, type Fact, files } from "./facts.ts";
import { entry, paragraph, section, subsection, verbatim } from "./roff.ts";

/** The manual page microlock(1), in roff: all that the helps of all commands say, and more. */
export function manPage(commands: readonly CommandSpec[], version: string): string {
  return [
    `.TH MICROLOCK 1 "" "microlock ${version}" "User Commands"`,
    section("NAME"),
    "microlock \\- distributed locks on etcd",
    section("SYNOPSIS"),
    verbatim(commands.flatMap(({ usage }) => usage.map((way) => `microlock ${way}`))),
    section("DESCRIPTION"),
    paragraph(
      "Takes turns across processes, hosts and languages, by locks in an etcd cluster: first come, first served. Every holder has a fencing token, a number larger than that of every holder before, and learns of the loss of its lock before anybody else gets in.",
    ),
    paragraph(
      "Options may stand before or behind the name. A TIME is a number of seconds, or has a unit, such as 500ms, 10s, 1m30s or 2h.",
    ),
    section("COMMANDS"),
    ...commands.flatMap(commandOf),
    section('"OPTIONS OF ALL COMMANDS"'),
    paragraph("They are etcdctl's, but for the namespace. Options come before variables."),
    ...optionsOf(connectionOptions),
    ...optionsOf(commonOptions),
    section('"EXIT STATUS"'),
    ...factsOf(exitStatus),
    section("ENVIRONMENT"),
    ...factsOf(environment),
    paragraph("A command that run or elect runs finds:"),
    ...factsOf(commandEnvironment),
    section("FILES"),
    ...factsOf(files),
    section('"SEE ALSO"'),
    ".BR flock (1),\n.BR timeout (1),\n.BR etcdctl (1)",
    "",
  ].join("\n");
}

function commandOf({ usage, description, options, examples }: CommandSpec): string[] {
  const own = Object.entries(options).filter(([name]) => !(name in connectionOptions));
  const [first = "", ...others] = usage;
  return [
    subsection(first),
    ...(others.length > 0 ? [verbatim(others.map((way) => `microlock ${way}`))] : []),
    ...description.map(paragraph),
    ...optionsOf(Object.fromEntries(own)),
    ...(examples.length > 0 ? [paragraph("Examples:")] : []),
    ...examples.map(([command, what]) => verbatim([command, `    ${what}`])),
  ];
}

function optionsOf(options: Readonly<Record<string, OptionSpec>>): string[] {
  return Object.entries(options).map((option) => {
    const [written, said] = rowOf(option);
    return entry(written.trim(), said);
  });
}

function factsOf(facts: readonly Fact[]): string[] {
  return facts.map(([word, meaning]) => entry(word, meaning));
}
