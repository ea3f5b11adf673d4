import { createRequire } from "node:module";

// node-etcd loads deasync, a native addon, for its *Sync calls, which nobody makes here. On
// some machines that addon has no binary and would have to be compiled. So node-etcd gets an
// empty one in its place.
const { resolve } = createRequire(import.meta.url);
const requireOfNodeEtcd = createRequire(resolve("node-etcd"));
requireOfNodeEtcd.cache[requireOfNodeEtcd.resolve("deasync")] = {
  exports: {},
  loaded: true,
} as NodeJS.Module;
