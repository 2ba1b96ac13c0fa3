/**
 * A trace as rows of a waterfall: which span stands below which, and which are in sight.
 *
 * 1. Every span is one row, once, whatever its parent says: one whose parent is not there is a
 *    root, a cycle is cut at the span that began first.
 * 2. Rows of one parent stand in the order they began.
 * 3. A row holds what is drawn and no attributes, so that 100 000 of them are small.
 *
 * Pure; knows neither the page nor the server.
 */
import type { Span } from "../../api/traces";

export interface Row {
  id: string;
  parent: string | null;
  name: string;
  service: string;
  kind: string;
  /** Seconds after the trace's first span began. */
  start: number;
  /** null while it is pending. */
  duration: number | null;
  self: number | null;
  failed: boolean;
  critical: boolean;
  odd: string | null;
  /** Which page of the answer it came with. */
  page: number;
  depth: number;
  /** How many rows stand below it in all. */
  below: number;
}

const NANOS = 1e9;

/** Seconds from `from` to `to`, both RFC 3339, exact to the nanosecond. */
export function secondsBetween(from: string, to: string): number {
  return (
    Math.floor(Date.parse(to) / 1000) -
    Math.floor(Date.parse(from) / 1000) +
    fraction(to) -
    fraction(from)
  );
}

function fraction(time: string): number {
  const digits = /\.(\d+)/.exec(time)?.[1] ?? "";
  return digits === "" ? 0 : Number(digits.padEnd(9, "0").slice(0, 9)) / NANOS;
}

export function rowOf(span: Span, origin: string, page: number): Row {
  return {
    id: span.span_id,
    parent: span.parent_id,
    name: span.operation || span.name,
    service: span.service,
    kind: span.kind,
    start: secondsBetween(origin, span.start),
    duration: span.duration,
    self: span.self_seconds ?? null,
    failed: span.status === "error",
    critical: span.on_critical_path === true,
    odd: span.oddity ?? null,
    page,
    depth: 0,
    below: 0,
  };
}

/** The rows in the order of the waterfall, with their depths and what stands below each. */
export function inTreeOrder(rows: readonly Row[]): Row[] {
  const byId = new Map<string, Row>();
  for (const row of rows) if (!byId.has(row.id)) byId.set(row.id, row);
  const children = new Map<string, Row[]>();
  const roots: Row[] = [];
  for (const row of rows) {
    const parent = row.parent === null ? undefined : byId.get(row.parent);
    // Of one identifier twice, only the first has rows below it.
    if (!parent || parent === row) roots.push(row);
    else if (children.get(parent.id)?.push(row) === undefined) children.set(parent.id, [row]);
  }
  const ordered: Row[] = [];
  const placed = new Set<Row>();
  const place = (root: Row): void => {
    const stack: { row: Row; depth: number }[] = [{ row: root, depth: 0 }];
    for (let top = stack.pop(); top; top = stack.pop()) {
      const { row, depth } = top;
      if (placed.has(row)) continue;
      placed.add(row);
      row.depth = depth;
      row.below = 0;
      ordered.push(row);
      if (byId.get(row.id) !== row) continue;
      const below = children.get(row.id) ?? NONE;
      for (let i = below.length - 1; i >= 0; i--) {
        stack.push({ row: below[i] as Row, depth: depth + 1 });
      }
    }
  };
  for (const root of roots) place(root);
  // What is left is in cycles.
  for (const row of rows) if (!placed.has(row)) place(row);
  countBelow(ordered);
  return ordered;
}

const NONE: readonly Row[] = [];

function countBelow(ordered: readonly Row[]): void {
  const open: number[] = [];
  ordered.forEach((row, i) => {
    while (open.length > row.depth) close(ordered, open, i);
    open.push(i);
  });
  while (open.length > 0) close(ordered, open, ordered.length);
}

function close(ordered: readonly Row[], open: number[], end: number): void {
  const at = open.pop() ?? 0;
  const row = ordered[at];
  if (row) row.below = end - at - 1;
}

/** The rows in sight: all but those below one that is closed. */
export function visible(ordered: readonly Row[], closed: ReadonlySet<string>): Row[] {
  if (closed.size === 0) return [...ordered];
  const rows: Row[] = [];
  for (let i = 0; i < ordered.length; i++) {
    const row = ordered[i] as Row;
    rows.push(row);
    if (closed.has(row.id)) i += row.below;
  }
  return rows;
}

/** Where the row above stands that `at` is below, or −1. */
export function parentOf(rows: readonly Row[], at: number): number {
  const depth = rows[at]?.depth ?? 0;
  for (let i = at - 1; i >= 0; i--) if ((rows[i] as Row).depth < depth) return i;
  return -1;
}

/** Of more spans than this, only the upper levels are open at first. */
const OPEN_SPANS_MAX = 2000;
export const OPEN_DEPTH = 1;

/** What is closed: by the rule for large traces, less or more what the reader turned. */
export function closedOf(rows: readonly Row[], turned: ReadonlySet<string>): Set<string> {
  const closed = new Set<string>();
  const large = rows.length > OPEN_SPANS_MAX;
  for (const { id, depth, below } of rows) {
    if (below === 0) continue;
    const byRule = large && depth >= OPEN_DEPTH;
    if (byRule !== turned.has(id)) closed.add(id);
  }
  return closed;
}
