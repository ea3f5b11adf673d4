import { beforeAll, describe, expect, it } from "vitest";
import { blocksOf, compile, readPage, runProgram } from "./examples.ts";

describe("the examples of the README", () => {
  const section = /^## Ten examples$(.*?)^## /ms.exec(readPage("README.md"))?.[1] ?? "";
  // What all begin with, then one for each example.
  const [beginning, ...examples] = blocksOf(section);
  const programs = new Map(
    examples.map((example, index) => [`example-${index + 1}`, `${beginning}\n${example}`]),
  );
  let folder: string;

  beforeAll(async () => {
    folder = await compile("readme", programs);
  });

  it("are ten", () => {
    expect(examples).toHaveLength(10);
  });

  it.each([...programs.keys()])("run as they are: %s", async (program) => {
    const { stderr } = await runProgram(folder, program);
    expect(stderr).toBe("");
  });
});
