import type { KeyValue, RangeRequest, RangeResponse, SortTarget } from "../api.ts";

const nothing = new Uint8Array(0);

/** What a range request makes of the keys that its range has. */
export function answerRange(found: readonly KeyValue[], request: RangeRequest): RangeResponse {
  const count = BigInt(found.length);
  if (request.countOnly) return { kvs: [], more: false, count };

  const sorted = sort(filter(found, request), request.sort);
  const limit = Number(request.limit ?? 0n);
  const more = limit > 0 && sorted.length > limit;
  const kvs = more ? sorted.slice(0, limit) : sorted;
  return {
    kvs: request.keysOnly ? kvs.map((kv) => ({ ...kv, value: nothing })) : kvs,
    more,
    count,
  };
}

function filter(kvs: readonly KeyValue[], request: RangeRequest): readonly KeyValue[] {
  const { minModRevision = 0n, maxModRevision = 0n } = request;
  const { minCreateRevision = 0n, maxCreateRevision = 0n } = request;
  if (!(minModRevision || maxModRevision || minCreateRevision || maxCreateRevision)) return kvs;
  return kvs.filter(
    (kv) =>
      liesWithin(kv.modRevision, minModRevision, maxModRevision) &&
      liesWithin(kv.createRevision, minCreateRevision, maxCreateRevision),
  );
}

function liesWithin(revision: bigint, min: bigint, max: bigint): boolean {
  return (min === 0n || revision >= min) && (max === 0n || revision <= max);
}

function sort(kvs: readonly KeyValue[], by: RangeRequest["sort"]): readonly KeyValue[] {
  if (!by) return kvs;
  const sign = by.order === "ascending" ? 1 : -1;
  return kvs.toSorted((a, b) => sign * order(a, b, by.by));
}

function order(a: KeyValue, b: KeyValue, target: SortTarget): number {
  if (target === "key" || target === "value") return Buffer.compare(a[target], b[target]);
  if (a[target] === b[target]) return 0;
  return a[target] < b[target] ? -1 : 1;
}
