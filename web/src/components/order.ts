/**
 * The order of a table's rows. Pure.
 */
export interface Ordered<R> {
  key: string;
  /** What rows are ordered by, highest first; names from A. Without it nothing is. */
  by?: (row: R) => number | string | null | undefined;
}

/** The rows in the order that `order` names, what is unknown last; else as they came. */
export function inOrder<R>(
  rows: readonly R[],
  columns: readonly Ordered<R>[],
  order: string,
): readonly R[] {
  const turned = order.startsWith("-");
  const by = columns.find(({ key }) => key === order.replace(/^-/, ""))?.by;
  if (!by) return rows;
  const sign = turned ? 1 : -1;
  return rows.toSorted((a, b) => {
    const left = by(a) ?? null;
    const right = by(b) ?? null;
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    if (typeof left === "string") return -sign * left.localeCompare(String(right));
    return sign * (left - Number(right));
  });
}
