import type { Want } from "./event.ts";

/** Whether it wants a lock for itself. */
export function isAlone({ mode }: Want): boolean {
  return mode !== "read" && mode !== "permits";
}

/** Whether so many may be in at once: readers, those with permits enough, or a single one. */
export function fitTogether(wants: readonly Want[], capacity: number): boolean {
  if (wants.length < 2) return true;
  if (wants.every(({ mode }) => mode === "read")) return true;
  return wants.every(({ mode }) => mode === "permits") && permitsOf(wants) <= capacity;
}

export function permitsOf(wants: readonly Want[]): number {
  return wants.reduce((sum, { permits }) => sum + permits, 0);
}
