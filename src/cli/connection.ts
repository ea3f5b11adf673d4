import { connect } from "../connect.ts";
import { InvalidOptionError } from "../errors.ts";
import type { Locks } from "../locks.ts";
import { abortable } from "../signals.ts";
import type { Args } from "./args.ts";
import type { OptionSpecs } from "./command.ts";
import { durationMs } from "./duration.ts";
import type { ConnectionOptions } from "./io.ts";

/** The options of all commands that go to etcd: etcdctl's, by its names, and the namespace. */
export const connectionOptions: OptionSpecs = {
  endpoints: { value: "ADDRESS,…", help: "where etcd is (default 127.0.0.1:2379)" },
  cacert: { value: "FILE", help: "the certificate of the authority that signed etcd's" },
  cert: { value: "FILE", help: "our own certificate, where etcd asks for one" },
  key: { value: "FILE", help: "the private key of --cert" },
  user: { value: "NAME[:PASSWORD]", help: "who we are, where etcd has users" },
  password: {
    value: "PASSWORD",
    help: "the user's password; others see it in the list of processes",
  },
  "dial-timeout": { value: "TIME", help: "how long one endpoint may take to connect (default 1s)" },
  "command-timeout": {
    value: "TIME",
    help: "how long to ask an etcd that does not answer (default 5s)",
  },
  namespace: {
    value: "PREFIX",
    help: 'what the keys of all locks begin with (default "microlock/")',
  },
};

const variables = ["endpoints", "cacert", "cert", "key", "user", "password"];

/** Where to go, and how, by options, else by variables. */
export interface Settings {
  /** The variables of etcdctl, with the options instead of those that were given. */
  readonly env: NodeJS.ProcessEnv;
  readonly namespace: string;
  readonly connectTimeoutMs: number | undefined;
  readonly callTimeoutMs: number | undefined;
}

export function settingsOf(args: Args, env: NodeJS.ProcessEnv): Settings {
  const asVariables = given(args).map((name) => [variableOf(name), args.text(name)]);
  return {
    env: { ...env, ...Object.fromEntries(asVariables) },
    namespace: args.text("namespace") ?? env["MICROLOCK_NAMESPACE"] ?? "microlock/",
    connectTimeoutMs: args.ms("dial-timeout") ?? timeIn(env, "ETCDCTL_DIAL_TIMEOUT"),
    callTimeoutMs: args.ms("command-timeout") ?? timeIn(env, "ETCDCTL_COMMAND_TIMEOUT"),
  };
}

/** Connects as etcdctl would, by options, else by variables. */
export async function connectLike(
  args: Args,
  env: NodeJS.ProcessEnv,
  { signal, ...options }: ConnectionOptions,
): Promise<Locks> {
  const connecting = connect({ ...settingsOf(args, env), ...options });
  try {
    return await abortable(connecting, signal);
  } catch (error) {
    // Nobody waits for it any more.
    if (signal?.aborted) connecting.then((locks) => locks.close()).catch(() => {});
    throw error instanceof InvalidOptionError ? inOptions(error, given(args)) : error;
  }
}

function given(args: Args): readonly string[] {
  return variables.filter((name) => args.text(name) !== undefined);
}

function timeIn(env: NodeJS.ProcessEnv, variable: string): number | undefined {
  const text = env[variable];
  return text ? durationMs(variable, text) : undefined;
}

function variableOf(option: string): string {
  return `ETCDCTL_${option.toUpperCase()}`;
}

/** Says it in the words of the options that were given. */
function inOptions(error: InvalidOptionError, names: readonly string[]): InvalidOptionError {
  for (const name of names) {
    error.message = error.message.replaceAll(
      new RegExp(`${variableOf(name)}\\b`, "g"),
      `--${name}`,
    );
  }
  return error;
}
