import type { Versions } from "./http-pages.ts";

/**
 * The version that we go by: whose answers we give, so that clients that ask for it know what
 * they can do, and, as semantic versioning has it for what does not count, who really gives them.
 */
export const versions: Versions = { server: "3.5.30+microlock", cluster: "3.5.0" };
