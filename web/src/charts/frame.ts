/**
 * From the tracks of a chart to the columns that are drawn.
 *
 * 1. All columns share one strictly increasing list of times.
 * 2. A stretch without samples is a break in the line, never a bridge over it.
 * 3. In a stack, `columns` are running sums and `values` what each line itself has.
 *
 * Pure; knows neither uPlot nor the page.
 */
export interface Line {
  label: string;
  /** A custom property's name, for example `--s1`. */
  color: string;
  /** What is left over rather than used: in a stack it is drawn as faintly as can be seen. */
  rest?: boolean;
  t: readonly number[];
  v: readonly (number | null)[];
}

export type Column = (number | null | undefined)[];

export interface Frame {
  times: number[];
  columns: Column[];
  values: Column[];
}

/** A silence of this many usual spacings is a gap. */
const GAP_SPACINGS = 3.5;

/** The spacing most points have: the median difference. */
export function usualSpacing(t: readonly number[]): number {
  const differences: number[] = [];
  for (let i = 1; i < t.length; i++) differences.push((t[i] as number) - (t[i - 1] as number));
  differences.sort((a, b) => a - b);
  return differences[differences.length >> 1] ?? 1;
}

/** The line with an empty point after each stretch that ends early. */
function withGaps(line: Line): { t: number[]; v: (number | null)[] } {
  const spacing = usualSpacing(line.t);
  const t: number[] = [];
  const v: (number | null)[] = [];
  line.t.forEach((time, i) => {
    const before = line.t[i - 1];
    if (before !== undefined && time - before > spacing * GAP_SPACINGS) {
      t.push(before + spacing);
      v.push(null);
    }
    t.push(time);
    v.push(line.v[i] ?? null);
  });
  return { t, v };
}

function union(lists: readonly (readonly number[])[]): number[] {
  const all = new Set<number>();
  for (const list of lists) for (const time of list) all.add(time);
  return [...all].sort((a, b) => a - b);
}

/** Values at `times`; a time the line lacks is undefined, which is drawn through. */
function align(times: readonly number[], t: readonly number[], v: Column): Column {
  const column: Column = new Array<undefined>(times.length).fill(undefined);
  let at = 0;
  times.forEach((time, i) => {
    if (t[at] === time) column[i] = v[at++];
  });
  return column;
}

function stack(values: readonly Column[], length: number): Column[] {
  const columns: Column[] = values.map(() => []);
  for (let i = 0; i < length; i++) {
    let sum: number | null = null;
    for (const column of values) {
      const value = column[i];
      if (typeof value === "number") sum = (sum ?? 0) + Math.max(0, value);
    }
    const known = sum !== null;
    let running = 0;
    values.forEach((column, k) => {
      running += Math.max(0, column[i] ?? 0);
      columns[k]?.push(known ? running : null);
    });
  }
  return columns;
}

export function buildFrame(lines: readonly Line[], stacked: boolean): Frame {
  const prepared = lines.map(withGaps);
  const times = union(prepared.map((line) => line.t));
  const values = prepared.map(({ t, v }) => align(times, t, v));
  return { times, values, columns: stacked ? stack(values, times.length) : values };
}

/** The highest value drawn between two times. */
export function highest(frame: Frame, from: number, to: number): number {
  let max = -Infinity;
  frame.times.forEach((time, i) => {
    if (time < from || time > to) return;
    for (const column of frame.columns) {
      const value = column[i];
      if (typeof value === "number" && value > max) max = value;
    }
  });
  return max;
}

export interface Summary {
  label: string;
  last: number | null;
  mean: number | null;
  min: number | null;
  max: number | null;
}

/** What each line does between two times, for the legend and for those who do not see the chart. */
export function summarise(lines: readonly Line[], from: number, to: number): Summary[] {
  return lines.map(({ label, t, v }) => {
    const seen: number[] = [];
    t.forEach((time, i) => {
      const value = v[i];
      if (time >= from && time <= to && typeof value === "number") seen.push(value);
    });
    if (seen.length === 0) return { label, last: null, mean: null, min: null, max: null };
    const sum = seen.reduce((total, value) => total + value, 0);
    return {
      label,
      last: seen[seen.length - 1] ?? null,
      mean: sum / seen.length,
      min: seen.reduce((a, b) => Math.min(a, b)),
      max: seen.reduce((a, b) => Math.max(a, b)),
    };
  });
}
