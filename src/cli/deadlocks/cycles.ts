/** Who waits for whom, by names of any kind. */
export type Graph<T> = ReadonlyMap<T, ReadonlySet<T>>;

/**
 * The cycles of a graph: of each group of those that can all reach each other, the shortest one
 * through the first of them. There are none of length one: who waits for itself is left out.
 */
export function cyclesOf<T>(graph: Graph<T>): readonly (readonly T[])[] {
  return groupsOf(graph)
    .filter((group) => group.length > 1)
    .map((group) => {
      const order = new Set(group);
      const first = [...graph.keys()].find((node) => order.has(node)) as T;
      return shortest(graph, first, order);
    });
}

/** The shortest way from one back to itself, through some that it can reach and that can reach it. */
function shortest<T>(graph: Graph<T>, first: T, among: ReadonlySet<T>): readonly T[] {
  const cameFrom = new Map<T, T>();
  const queue = [first];
  for (const node of queue) {
    for (const next of graph.get(node) ?? []) {
      if (next === first && node !== first) return wayTo(node, first, cameFrom);
      if (next === first || !among.has(next) || cameFrom.has(next)) continue;
      cameFrom.set(next, node);
      queue.push(next);
    }
  }
  return [];
}

function wayTo<T>(last: T, first: T, cameFrom: ReadonlyMap<T, T>): readonly T[] {
  const way = [last];
  for (let node = last; node !== first; ) {
    node = cameFrom.get(node) as T;
    way.push(node);
  }
  return way.reverse();
}

interface Visit<T> {
  readonly node: T;
  readonly next: Iterator<T>;
}

/** Groups those that can reach each other (Tarjan), without recursion: there may be many. */
function groupsOf<T>(graph: Graph<T>): readonly (readonly T[])[] {
  const groups: T[][] = [];
  const numbers = new Map<T, number>();
  const lows = new Map<T, number>();
  const open: T[] = [];
  const isOpen = new Set<T>();
  const lower = (node: T, to: number | undefined): void => {
    lows.set(node, Math.min(lows.get(node) ?? 0, to ?? 0));
  };
  const visit = (node: T): Visit<T> => {
    numbers.set(node, numbers.size);
    lows.set(node, numbers.size - 1);
    open.push(node);
    isOpen.add(node);
    return { node, next: (graph.get(node) ?? new Set<T>()).values() };
  };
  for (const start of graph.keys()) {
    if (numbers.has(start)) continue;
    const visits = [visit(start)];
    for (let at = visits.at(-1); at; at = visits.at(-1)) {
      const { value: next, done } = at.next.next();
      if (!done) {
        if (!numbers.has(next)) visits.push(visit(next));
        else if (isOpen.has(next)) lower(at.node, numbers.get(next));
        continue;
      }
      visits.pop();
      const parent = visits.at(-1);
      if (parent) lower(parent.node, lows.get(at.node));
      if (lows.get(at.node) !== numbers.get(at.node)) continue;
      const group = open.splice(open.lastIndexOf(at.node));
      for (const node of group) isOpen.delete(node);
      groups.push(group);
    }
  }
  return groups;
}
