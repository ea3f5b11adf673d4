#!/usr/bin/env node
import { runCli } from "./cli.ts";
import { processIo } from "./process-io.ts";

// What may still be under way then, such as a connection to an etcd that does not answer, is
// nothing that anybody waits for.
const lingerMs = 1_000;

void runCli(process.argv.slice(2), processIo()).then((code) => {
  process.exitCode = code;
  setTimeout(() => process.exit(), lingerMs).unref();
});
