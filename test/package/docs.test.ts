import { readdirSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { blocksOf, compile, promisedBy, readPage, runProgram } from "./examples.ts";

// Its code is run by the tests in test/fencing/, on what it is written for.
const others = ["README.md", "fencing.md"];
// What they say is no code.
const wordsOnly = ["chaos.md", "cli.md", "guarantees.md"];

describe("the examples of the pages in docs/", () => {
  const files = readdirSync(new URL("../../docs/", import.meta.url));
  const pages = files.filter((file) => !others.includes(file));
  const [beginning] = blocksOf(readPage("docs/README.md"));
  const blocks = new Map(
    pages.flatMap((page) =>
      blocksOf(readPage(`docs/${page}`)).map((block, index) => [
        `${page.replace(/\.md$/, "")}-${index + 1}`,
        block,
      ]),
    ),
  );
  let folder: string;

  beforeAll(async () => {
    const programs = [...blocks].map(([name, block]) => [name, `${beginning}\n${block}`] as const);
    folder = await compile("docs", new Map(programs));
  });

  it("are at least one for each page", () => {
    const without = pages.filter((page) => !blocks.has(page.replace(/\.md$/, "-1")));
    expect(without).toEqual(wordsOnly);
  });

  it.each([...blocks.keys()])("run as they are, and print what they say: %s", async (program) => {
    const { stdout, stderr } = await runProgram(folder, program);
    expect(stderr).toBe("");
    const promised = promisedBy(blocks.get(program) ?? "");
    if (promised !== "") expect(stdout).toBe(promised);
  });
});

describe("the index of docs/", () => {
  it("links every page, and every link in docs/ leads to a file", () => {
    const files = readdirSync(new URL("../../docs/", import.meta.url));
    const linksOf = (file: string): string[] =>
      [...readPage(`docs/${file}`).matchAll(/\]\(([\w-]+\.md)(?:#[\w-]*)?\)/g)].map(
        ([, path = ""]) => path,
      );

    const linked = linksOf("README.md");

    expect(files.filter((file) => file !== "README.md" && !linked.includes(file))).toEqual([]);
    expect(files.flatMap(linksOf).filter((path) => !files.includes(path))).toEqual([]);
  });
});
