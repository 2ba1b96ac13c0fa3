/**
 * A colour for each service of a trace, in the order they first appear; beyond the palette one for
 * all others.
 */
import type { Row } from "./tree";

const COLORS = ["--s1", "--s4", "--s3", "--s2", "--s5", "--s7"];
export const OTHERS = "--s6";

export function serviceColors(rows: readonly Row[]): Map<string, string> {
  const colors = new Map<string, string>();
  for (const { service } of rows) {
    if (!colors.has(service)) colors.set(service, COLORS[colors.size] ?? OTHERS);
  }
  return colors;
}
