export { ProcessClock, type ProcessClockOptions } from "./process-clock.ts";
export { type Random, seededRandom } from "./random.ts";
export { settle } from "./settle.ts";
export { SimulatedClock } from "./simulated-clock.ts";
export { type ClusterOptions, SimulatedCluster, type Snapshot } from "./simulated-cluster.ts";
export { type NetworkOptions, SimulatedNetwork } from "./simulated-network.ts";
export { type EtcdOptions, type StartedEtcd, startEtcd } from "./start-etcd.ts";
