import { InvalidOptionError } from "../../errors.ts";

/** What to do about a server that cannot be started there; other errors stay as they are. */
export function listenFailure(
  error: NodeJS.ErrnoException,
  { host, port }: { readonly host: string; readonly port: number },
): Error {
  const cause = { cause: error };
  switch (error.code) {
    case "EADDRINUSE":
      return new InvalidOptionError(
        "port",
        "one that nobody listens on (0 finds one)",
        port,
        cause,
      );
    case "EACCES":
      return new InvalidOptionError(
        "port",
        "one that this user may listen on (1024 or higher)",
        port,
        cause,
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EINVAL":
      return new InvalidOptionError(
        "host",
        'an address of this machine, such as "127.0.0.1"',
        host,
        cause,
      );
    default:
      return error;
  }
}
