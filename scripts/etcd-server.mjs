// Starts etcd servers on free ports of 127.0.0.1, each with a data folder of its own, for
// the tests. They go when whoever started them goes, however that happens.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { end, endWithThisProcess, hasEnded } from "./child-ends.mjs";
import { freePorts } from "./free-ports.mjs";

/**
 * @typedef {object} EtcdTls paths of PEM files
 * @property {string} ca
 * @property {string} cert of the server, good for 127.0.0.1
 * @property {string} key
 * @property {{ cert: string, key: string }} [client] when given, etcd takes only clients
 *   with a certificate of `ca`, and etcdctl shows this one
 */

/**
 * @typedef {object} EtcdOptions
 * @property {readonly string[]} [args] more flags for etcd; a later one wins
 * @property {EtcdTls} [tls] for clients; members among themselves go without
 * @property {string} [name] of the member
 * @property {(peer: string, member: number) => Promise<string>} [wayToPeer] resolves with where the
 *   other members find one, which listens for them at the host and port `peer`: a proxy, say
 */

/**
 * @typedef {object} EtcdServer
 * @property {string} name of the member
 * @property {string} version such as "3.5.16"
 * @property {EtcdBinaries} binaries what it was started from
 * @property {string} endpoint "127.0.0.1:port"
 * @property {string} url the same with `http://` or `https://`
 * @property {string} dataFolder
 * @property {number} pid of the server that runs now; after `restart` it is another
 * @property {(...args: string[]) => Promise<{ stdout: string, stderr: string, code: number }>} etcdctl
 *   runs etcdctl against this server; does not throw when it fails
 * @property {(signal: NodeJS.Signals) => void} signal such as SIGSTOP and SIGCONT
 * @property {() => Promise<void>} kill ends it at once, as a crash would; the data stays
 * @property {() => Promise<void>} restart ends it in good order, if it runs, and starts it
 *   again on the same ports and data
 * @property {() => Promise<void>} stop ends it and removes its data
 */

/**
 * @typedef {object} EtcdCluster
 * @property {readonly EtcdServer[]} members
 * @property {readonly string[]} endpoints
 * @property {() => Promise<void>} stop
 */

/** @import { EtcdBinaries } from "./etcd-version.mjs" */

const startTimeoutMs = 30_000;

/**
 * Starts a server and waits until it serves.
 *
 * @param {EtcdBinaries} binaries
 * @param {EtcdOptions} [options]
 * @returns {Promise<EtcdServer>}
 */
export async function startServer(binaries, options = {}) {
  const { members } = await startServers(binaries, 1, options);
  return /** @type {EtcdServer} */ (members[0]);
}

/**
 * Starts a cluster of so many members and waits until all of them serve.
 *
 * @param {EtcdBinaries} binaries
 * @param {number} size
 * @param {EtcdOptions} [options] for each member; `name` is put before its number
 * @returns {Promise<EtcdCluster>}
 */
export async function startServers(binaries, size, options = {}) {
  for (let attempt = 1; ; attempt++) {
    const cluster = await prepareCluster(binaries, size, options);
    try {
      await Promise.all(cluster.members.map((member) => member.restart()));
      return cluster;
    } catch (error) {
      await cluster.stop();
      // Somebody else may take a port between our look and the start of etcd.
      if (attempt === 3 || !String(error).includes("address already in use")) throw error;
    }
  }
}

/**
 * @param {EtcdBinaries} binaries
 * @param {number} size
 * @param {EtcdOptions} options
 * @returns {Promise<EtcdCluster>}
 */
async function prepareCluster(binaries, size, { name = "etcd", args = [], tls, wayToPeer }) {
  const ports = await freePorts(3 * size);
  const members = Array.from({ length: size }, (_, n) => ({
    name: size === 1 ? name : `${name}${n + 1}`,
    client: `127.0.0.1:${ports[3 * n]}`,
    peer: `http://127.0.0.1:${ports[3 * n + 1]}`,
    metrics: `http://127.0.0.1:${ports[3 * n + 2]}`,
  }));
  const found = await Promise.all(
    members.map(async ({ peer }, index) =>
      wayToPeer ? `http://${await wayToPeer(new URL(peer).host, index)}` : peer,
    ),
  );
  const everyone = members.map((member, index) => `${member.name}=${found[index]}`).join(",");
  const servers = members.map((addresses, index) =>
    prepareServer(binaries, addresses, tls, [
      `--initial-cluster=${everyone}`,
      `--initial-advertise-peer-urls=${found[index]}`,
      ...args,
    ]),
  );
  return {
    members: servers,
    endpoints: servers.map((server) => server.endpoint),
    async stop() {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

/**
 * @param {EtcdBinaries} binaries
 * @param {{ name: string, client: string, peer: string, metrics: string }} addresses
 * @param {EtcdTls | undefined} tls
 * @param {readonly string[]} args
 * @returns {EtcdServer} not started yet
 */
function prepareServer(binaries, { name, client, peer, metrics }, tls, args) {
  const dataFolder = mkdtempSync(join(tmpdir(), "microlock-etcd-"));
  const url = `${tls ? "https" : "http"}://${client}`;
  const flags = [
    `--name=${name}`,
    `--data-dir=${dataFolder}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peer}`,
    // Health is asked here: in plain HTTP, whatever clients have to show.
    `--listen-metrics-urls=${metrics}`,
    // The data need not survive the machine, only the server.
    "--unsafe-no-fsync",
    "--logger=zap",
    "--log-level=error",
    "--log-outputs=stderr",
    ...(tls ? [`--cert-file=${tls.cert}`, `--key-file=${tls.key}`] : []),
    ...(tls?.client ? ["--client-cert-auth", `--trusted-ca-file=${tls.ca}`] : []),
    ...args,
  ];
  const etcdctlFlags = [
    `--endpoints=${url}`,
    ...(tls ? [`--cacert=${tls.ca}`] : []),
    ...(tls?.client ? [`--cert=${tls.client.cert}`, `--key=${tls.client.key}`] : []),
  ];
  /** @type {import("node:child_process").ChildProcess | undefined} */
  let running;

  async function start() {
    const child = spawn(binaries.etcd, flags, {
      stdio: ["ignore", "ignore", "pipe"],
      env: environment(),
    });
    running = child;
    const ended = once(child, "exit");
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (text) => {
      log = (log + text).slice(-4_000);
    });
    await once(child, "spawn");
    endWithThisProcess(child, dataFolder);

    const deadline = performance.now() + startTimeoutMs;
    while (!(await isHealthy(metrics))) {
      if (hasEnded(child)) {
        await ended;
        throw new Error(`etcd ${binaries.version} ended as it started:\n${log}`);
      }
      if (performance.now() > deadline) {
        await end(child, "SIGKILL");
        throw new Error(
          `etcd ${binaries.version} does not serve after ${startTimeoutMs / 1000} s:\n${log}`,
        );
      }
      await sleep(20);
    }
  }

  /** @param {NodeJS.Signals} how */
  async function halt(how) {
    if (running) await end(running, how);
  }

  return {
    name,
    version: binaries.version,
    binaries,
    endpoint: client,
    url,
    dataFolder,
    get pid() {
      if (!running?.pid || hasEnded(running)) throw new Error(`${name} does not run`);
      return running.pid;
    },
    etcdctl(...command) {
      const { etcdctl, etcd } = binaries;
      if (!etcdctl) throw new Error(`There is no etcdctl beside ${etcd}, nor on the PATH.`);
      return new Promise((resolve, reject) => {
        const env = { ...environment(), ETCDCTL_API: "3" };
        execFile(etcdctl, [...etcdctlFlags, ...command], { env }, (error, stdout, stderr) => {
          if (typeof error?.code === "string") return reject(error);
          resolve({ stdout, stderr, code: error ? (error.code ?? 1) : 0 });
        });
      });
    },
    signal(signal) {
      process.kill(this.pid, signal);
    },
    kill: () => halt("SIGKILL"),
    async restart() {
      await halt("SIGTERM");
      await start();
    },
    async stop() {
      await halt("SIGKILL");
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

/** The environment without what etcd and etcdctl would take for their own settings. */
function environment() {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^ETCD(CTL)?_/.test(name)),
  );
}

/** @param {string} url */
async function isHealthy(url) {
  try {
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1_000) });
    const { health } = /** @type {{ health?: string }} */ (await answer.json());
    return health === "true";
  } catch {
    return false;
  }
}
