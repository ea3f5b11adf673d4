import { describe, expect, it } from "vitest";
import { permits } from "../../../src/testkit/history/permits.ts";
import { readersAndWriters } from "../../../src/testkit/history/readers-and-writers.ts";
import { scriptedRequests } from "../../support/history/scripted.ts";

describe("readersAndWriters", () => {
  it.each([
    ["readers together", ["1/a asks to read", "1/a gets 1", "2/a asks to read", "2/a gets 2"]],
    [
      "a writer after a reader",
      ["1/a asks to read", "1/a gets 1", "2/a asks to write", "1/a leaves", "2/a gets 2"],
    ],
    [
      "a reader after a writer that was lost",
      [
        "1/a asks to write",
        "1/a gets 1",
        "2/a asks to read",
        "9: 2/a gets 2",
        "10: 1/a loses since 8",
      ],
    ],
    [
      "a reader beside a writer that has become one",
      [
        ...["1/a asks to write", "1/a gets 1", "2/a asks to read", "5: 1/a shares"],
        ...["5: 2/a gets 2", "1/a leaves"],
      ],
    ],
    [
      "writers together: that is for `exclusion`",
      ["1/a asks to write", "1/a gets 1", "2/a asks", "2/a gets 2"],
    ],
  ])("lets %s pass", (_, lines) => {
    expect(readersAndWriters({ requests: scriptedRequests(lines) })).toBeUndefined();
  });

  it.each([
    [
      "a writer beside a reader",
      ["1/a asks to read", "1/a gets 1", "2/a asks to write", "2/a gets 2"],
    ],
    [
      "a reader beside a writer",
      ["1/a asks to write", "1/a gets 1", "2/a asks to read", "2/a gets 2"],
    ],
    [
      "a reader beside a plain holder",
      ["1/a asks", "1/a gets 1", "2/a asks to read", "2/a gets 2"],
    ],
    [
      "a reader before the writer has become one",
      [
        ...["1/a asks to write", "1/a gets 1", "2/a asks to read", "2/a gets 2"],
        ...["1/a shares", "1/a leaves"],
      ],
    ],
    [
      "a writer beside one that has become a reader",
      [
        ...["1/a asks to write", "1/a gets 1", "2/a asks to write", "1/a shares"],
        ...["2/a gets 2", "1/a leaves"],
      ],
    ],
    [
      "a permit beside a reader",
      ["1/a asks to read", "1/a gets 1", "2/a asks for 1 permits", "2/a gets 2"],
    ],
    [
      "a writer beside the last of two readers",
      [
        ...[
          "1/a asks to read",
          "1/a gets 1",
          "2/a asks to read",
          "2/a gets 2",
          "3/a asks to write",
        ],
        ...["1/a leaves", "3/a gets 3", "2/a leaves"],
      ],
    ],
  ])("finds %s", (_, lines) => {
    expect(readersAndWriters({ requests: scriptedRequests(lines) })).toMatch(
      /who don't go together:/,
    );
  });
});

describe("permits", () => {
  const twoHave = ["1/a asks for 2 permits", "1/a gets 1", "2/a asks for 1 permits", "2/a gets 2"];

  it.each([
    ["as many as there are", twoHave],
    [
      "those that were given back",
      [...twoHave, "1/a leaves", "3/a asks for 2 permits", "3/a gets 3"],
    ],
    [
      "those of a process that died",
      [...twoHave, "1 dies", "3/a asks for 2 permits", "3/a gets 3"],
    ],
    ["others of another name", [...twoHave, "3/a asks for 3 permits of y", "3/a gets 3"]],
  ])("lets %s pass", (_, lines) => {
    expect(permits({ requests: scriptedRequests(lines), capacityOf: () => 3 })).toBeUndefined();
  });

  it.each([
    ["one too many", [...twoHave, "3/a asks for 1 permits", "3/a gets 3"]],
    [
      "a large one before enough were back",
      [...twoHave, "2/a leaves", "3/a asks for 2 permits", "3/a gets 3"],
    ],
    ["a single one that takes more than there are", ["1/a asks for 4 permits", "1/a gets 1"]],
  ])("finds %s", (_, lines) => {
    expect(permits({ requests: scriptedRequests(lines), capacityOf: () => 3 })).toMatch(
      /^4 of 3 permits were out:/,
    );
  });
});
