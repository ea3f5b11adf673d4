import type { CommandSpec } from "../command.ts";

export const completionSpec: CommandSpec = {
  name: "completion",
  summary: "write a script that completes microlock's words in a shell",
  usage: ["completion bash|zsh|fish"],
  description: [
    "Writes a script for the shell to stdout. It completes commands, options and their values, the names of locks that are held, and behind -- the command to run.",
  ],
  options: {},
  operands: { min: 1, max: 1, choices: ["bash", "zsh", "fish"] },
  examples: [
    ["source <(microlock completion bash)", "in ~/.bashrc"],
    ["microlock completion zsh >$fpath[1]/_microlock", "once, then start a new shell"],
    ["microlock completion fish >~/.config/fish/completions/microlock.fish", "once"],
  ],
  load: () => import("../commands/completion.ts"),
};
