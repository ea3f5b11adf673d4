import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Ports that are free now. All are held until all are known, so that they differ.
 *
 * @param {number} count
 */
export async function freePorts(count) {
  const holders = await Promise.all(
    Array.from({ length: count }, async () => {
      const holder = createServer().listen(0, "127.0.0.1");
      await once(holder, "listening");
      return holder;
    }),
  );
  const ports = holders.map(
    (holder) => /** @type {import("node:net").AddressInfo} */ (holder.address()).port,
  );
  await Promise.all(holders.map((holder) => once(holder.close(), "close")));
  return ports;
}
