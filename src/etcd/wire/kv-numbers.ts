import type { Compare, Sort, SortTarget } from "../api.ts";

// The numbers that etcd's messages have for what the port has words for.

type Numbers<Word extends string> = Readonly<Record<Word, number>>;

export const compareResults: Numbers<Compare["result"]> = {
  equal: 0,
  greater: 1,
  less: 2,
  notEqual: 3,
};

export const compareTargets: Numbers<Compare["target"]> = {
  version: 0,
  createRevision: 1,
  modRevision: 2,
  value: 3,
  lease: 4,
};

/** In which field the operand is, by what is compared. */
export const operandFields: Numbers<Compare["target"]> = {
  version: 4,
  createRevision: 5,
  modRevision: 6,
  value: 7,
  lease: 8,
};

/** 0 stands for no order. */
export const sortOrders: Numbers<Sort["order"]> = { ascending: 1, descending: 2 };

export const sortTargets: Numbers<SortTarget> = {
  key: 0,
  version: 1,
  createRevision: 2,
  modRevision: 3,
  value: 4,
};

/** The word for a number; undefined if there is none. */
export function wordFor<Word extends string>(
  numbers: Numbers<Word>,
  number: number,
): Word | undefined {
  for (const word in numbers) if (numbers[word] === number) return word;
  return undefined;
}
