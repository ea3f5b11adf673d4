import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
}

const { packages } = JSON.parse(
  readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"),
) as { packages: Readonly<Record<string, Locked>> };
const locked = Object.entries(packages).filter(([path]) => path !== "");

it("every package that is installed comes from a registry, and is known by its contents", () => {
  const odd = locked.filter(
    ([, { integrity, resolved = "", link }]) =>
      link || !integrity?.startsWith("sha512-") || /^(git|http:|file:)/.test(resolved),
  );
  expect(odd).toEqual([]);
});

it("there is no dependency at run time", () => {
  const { dependencies, optionalDependencies, peerDependencies } = packages[""] as Readonly<
    Record<string, unknown>
  >;
  expect({ dependencies, optionalDependencies, peerDependencies }).toEqual({});
});
