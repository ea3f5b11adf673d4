import type { CommandSpec, OptionSpec } from "./command.ts";
import { connectionOptions } from "./connection.ts";
import { wrap } from "./text.ts";

/** What all commands take besides their own options. */
export const commonOptions = {
  help: { short: "h", help: "say this, and end" },
} as const;

/** What `microlock --help` says. */
export function overview(commands: readonly CommandSpec[], columns: number): string {
  const rows = commands.map(({ name, summary }) => [name, summary] as const);
  return lines(
    "microlock: distributed locks on etcd",
    "",
    "Usage: microlock COMMAND [options]",
    "",
    ...twoColumns(rows, columns),
    "",
    "microlock COMMAND --help says more of each. microlock --version says the version.",
  );
}

/** What `microlock COMMAND --help` says. */
export function helpOf(spec: CommandSpec, columns: number): string {
  const { usage, description, options, examples } = spec;
  const own = Object.entries(options).filter(([name]) => !(name in connectionOptions));
  const shared = Object.entries(options).filter(([name]) => name in connectionOptions);
  const width = Math.min(columns, 100);
  return lines(
    ...usage.map((way, index) => `${index === 0 ? "Usage: " : "       "}microlock ${way}`),
    ...description.flatMap((paragraph) => ["", ...wrap(paragraph, width)]),
    ...section("Options", own.map(rowOf), width),
    ...section("Connection, as with etcdctl and its variables ETCDCTL_*", shared.map(rowOf), width),
    ...(examples.length > 0 ? ["", "Examples:"] : []),
    ...examples.flatMap(([command, what]) => [`  ${command}`, `      ${what}`]),
  );
}

function section(title: string, rows: readonly (readonly [string, string])[], columns: number) {
  return rows.length === 0 ? [] : ["", `${title}:`, ...twoColumns(rows, columns)];
}

/** How an option is written, and what it does. */
export function rowOf([name, { short, value, help, choices }]: readonly [string, OptionSpec]) {
  const written = `${short ? `-${short}, ` : "    "}--${name}${value ? ` ${value}` : ""}`;
  const said = choices ? `${help}: ${choices.join(", ")}` : help;
  return [written, said] as const;
}

const leftMax = 34;

function twoColumns(rows: readonly (readonly [string, string])[], columns: number): string[] {
  const left = Math.min(leftMax, Math.max(...rows.map(([text]) => text.length)));
  return rows.flatMap(([text, said]) => {
    const [first = "", ...rest] = wrap(said, Math.max(30, columns - left - 4));
    const indent = " ".repeat(left + 4);
    const start =
      text.length > left
        ? [`  ${text}`, `${indent}${first}`]
        : [`  ${text.padEnd(left)}  ${first}`];
    return [...start, ...rest.map((line) => indent + line)];
  });
}

function lines(...all: readonly string[]): string {
  return `${all.join("\n")}\n`;
}
