export { settle } from "../../src/testkit/settle.ts";
export { SimulatedClock } from "../../src/testkit/simulated-clock.ts";
