export { type Random, seededRandom } from "../../src/testkit/random.ts";
