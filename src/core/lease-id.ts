/** A positive 63-bit number: a negative id can put an old etcd out of step with itself. */
export function randomLeaseId(): bigint {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (BigInt(high >>> 1) << 32n) | BigInt(low || 1);
}
