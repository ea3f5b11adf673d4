export { type EtcdOptions, type StartedEtcd, startEtcd } from "./start-etcd.ts";
