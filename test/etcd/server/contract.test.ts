import { GrpcEtcd } from "../../../src/etcd/grpc/grpc-etcd.ts";
import { startEtcd } from "../../../src/testkit/index.ts";
import { describeEtcd } from "../../support/describe-etcd.ts";
import { SimulatedClock } from "../../support/simulated-clock.ts";

describeEtcd("GrpcEtcd on a server of our own, by the contract", async () => {
  const clock = new SimulatedClock();
  const server = await startEtcd({ clock });
  return {
    etcd: new GrpcEtcd({ endpoints: [server.address] }),
    passTime: (ms) => clock.advance(ms),
    afterwards: () => void server.stop(),
  };
});
