#!/usr/bin/env node
import { runCli } from "./cli.ts";
import { exitCodes } from "./exit-codes.ts";
import { processIo } from "./process-io.ts";

// What may still be under way then, such as a connection to an etcd that does not answer, is
// nothing that anybody waits for.
const lingerMs = 1_000;

let isOver = false;
// What nobody keeps the process alive for must not look like a success.
process.exitCode = exitCodes.software;
process.once("beforeExit", () => {
  if (!isOver) process.stderr.write("microlock: this is a bug: it has ended before it was done\n");
});

void runCli(process.argv.slice(2), processIo()).then((code) => {
  isOver = true;
  process.exitCode = code;
  setTimeout(() => process.exit(), lingerMs).unref();
});
