import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cyclesOf } from "../../src/cli/deadlocks/cycles.ts";

type Edges = readonly (readonly [number, number])[];

const graphOf = (edges: Edges): Map<number, Set<number>> => {
  const graph = new Map<number, Set<number>>();
  for (const [from, to] of edges) graph.set(from, (graph.get(from) ?? new Set()).add(to));
  return graph;
};

/** Whom each one reaches by one step or more, in the most stupid way. */
function reachable(edges: Edges, nodes: number): boolean[][] {
  const reach = Array.from({ length: nodes }, () => Array<boolean>(nodes).fill(false));
  for (const [from, to] of edges) (reach[from] as boolean[])[to] = true;
  for (let via = 0; via < nodes; via++) {
    for (let from = 0; from < nodes; from++) {
      for (let to = 0; to < nodes; to++) {
        if (reach[from]?.[via] && reach[via]?.[to]) (reach[from] as boolean[])[to] = true;
      }
    }
  }
  return reach;
}

describe("cyclesOf", () => {
  it("finds none where everybody gets somewhere", () => {
    expect(cyclesOf(graphOf([]))).toEqual([]);
    expect(
      cyclesOf(
        graphOf([
          [0, 1],
          [0, 2],
          [1, 3],
          [2, 3],
        ]),
      ),
    ).toEqual([]);
  });

  it("finds those who wait for each other, in the order in which they do", () => {
    expect(
      cyclesOf(
        graphOf([
          [0, 1],
          [1, 2],
          [2, 0],
          [3, 0],
        ]),
      ),
    ).toEqual([[0, 1, 2]]);
    expect(
      cyclesOf(
        graphOf([
          [0, 1],
          [1, 0],
          [1, 2],
          [2, 3],
          [3, 2],
        ]),
      ),
    ).toHaveLength(2);
  });

  it("takes the shorter of two ways round", () => {
    expect(
      cyclesOf(
        graphOf([
          [0, 1],
          [1, 2],
          [2, 0],
          [1, 0],
        ]),
      ),
    ).toEqual([[0, 1]]);
  });

  it("leaves out who waits for itself", () => {
    expect(
      cyclesOf(
        graphOf([
          [0, 0],
          [0, 1],
          [1, 1],
        ]),
      ),
    ).toEqual([]);
  });

  it("finds one for each group that a search of all ways finds, and only real ones", () => {
    const nodes = 8;
    const node = fc.nat(nodes - 1);
    fc.assert(
      fc.property(fc.array(fc.tuple(node, node), { maxLength: 20 }), (edges) => {
        const reach = reachable(edges, nodes);
        const isTogether = (a: number, b: number): boolean =>
          a !== b && (reach[a]?.[b] ?? false) && (reach[b]?.[a] ?? false);
        const all = [...Array(nodes).keys()];
        const groups = new Set(
          all
            .map((one) => all.filter((other) => other === one || isTogether(one, other)).join())
            .filter((group) => group.includes(",")),
        );
        const cycles = cyclesOf(graphOf(edges));

        expect(cycles).toHaveLength(groups.size);
        for (const cycle of cycles) {
          expect(new Set(cycle).size).toBe(cycle.length);
          expect(cycle.length).toBeGreaterThan(1);
          for (const [index, from] of cycle.entries()) {
            const to = cycle[(index + 1) % cycle.length];
            expect(edges.some((edge) => edge[0] === from && edge[1] === to)).toBe(true);
          }
        }
        const found = cycles.map((cycle) =>
          [...groups].find((group) => cycle.every((one) => group.split(",").includes(String(one)))),
        );
        expect(new Set(found)).toEqual(groups);
      }),
      { numRuns: 500 },
    );
  });

  it("copes with chains that are longer than the stack", () => {
    const length = 30_000;
    const edges = Array.from({ length }, (_, index) => [index, (index + 1) % length] as const);
    expect(cyclesOf(graphOf(edges))[0]).toHaveLength(length);
  });
});
