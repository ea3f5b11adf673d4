/** A word, and what it means. */
export type Fact = readonly [word: string, meaning: string];

/** What `microlock` ends with: see exit-codes.ts. */
export const exitStatus: readonly Fact[] = [
  ["0", "all went well; of run and elect, the command said so"],
  ["1", "doctor has found something wrong"],
  ["64", "the command line is wrong"],
  ["69", "etcd cannot be reached, or cannot serve us"],
  ["70", "a bug in microlock"],
  ["75", "somebody else has the lock, and the time to wait is over; asking again may help"],
  ["77", "etcd does not let us: user, password, certificate, or a missing right"],
  ["79", "the lock was ours, and was lost"],
  ["126", "the command is there, but cannot be run"],
  ["127", "there is no such command"],
  ["128+N", "signal N ended the command, or us while we waited"],
];

/** What `microlock` reads from its environment. */
export const environment: readonly Fact[] = [
  ["ETCDCTL_ENDPOINTS", "where etcd is, as with --endpoints"],
  ["ETCDCTL_CACERT, ETCDCTL_CERT, ETCDCTL_KEY", "files for TLS, as with --cacert, --cert, --key"],
  ["ETCDCTL_USER, ETCDCTL_PASSWORD", "who we are, as with --user and --password"],
  ["ETCDCTL_DIAL_TIMEOUT, ETCDCTL_COMMAND_TIMEOUT", "as with --dial-timeout and --command-timeout"],
  ["MICROLOCK_NAMESPACE", "what the keys of all locks begin with, as with --namespace"],
  ["MICROLOCK_STACK", "which locks those hold who run us; run sets it, to notice deadlocks"],
  ["NO_COLOR, FORCE_COLOR", "no colours, or colours where they would not be"],
  ["TERM=dumb", "no colours, and no line is written over"],
];

/** What a command finds in its environment that `run` and `elect` run. */
export const commandEnvironment: readonly Fact[] = [
  ["MICROLOCK_NAME", "the name of the lock"],
  ["MICROLOCK_TOKEN, ETCD_LOCK_REV", "the fencing token"],
  ["MICROLOCK_LEASE", "the lease in etcd that it hangs on, in hexadecimal"],
  ["MICROLOCK_TTL", "how long, in seconds, the lock outlives microlock"],
  ["MICROLOCK_HELD", "true"],
  ["MICROLOCK_VALUE", "of elect: what it campaigned with"],
  ["ETCD_LOCK_KEY", "the key in etcd that is ours"],
];

/** Files that it has to do with. */
export const files: readonly Fact[] = [
  ["/bin/sh", "runs what -c and --on-lost are given, and ends the command should microlock die"],
];
