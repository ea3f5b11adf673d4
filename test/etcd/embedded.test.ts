import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import { describeEtcd } from "../support/describe-etcd.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

describeEtcd("EmbeddedEtcd", async () => {
  const clock = new SimulatedClock();
  return { etcd: new EmbeddedEtcd({ clock }), passTime: (ms) => clock.advance(ms) };
});
