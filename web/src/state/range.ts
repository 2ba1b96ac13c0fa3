/**
 * Time ranges: which there are, which step a range is drawn with, and how a view is written in
 * the address.
 *
 * Pure: the clock is an argument. A view is *live* (its end moves), *paused* (a fixed end) or
 * *zoomed* (fixed at both ends); the three differ only in which of `from` and `to` are set.
 */

export const RANGES = [
  { key: "5m", label: "5 m", words: "5 minutes", seconds: 300 },
  { key: "15m", label: "15 m", words: "15 minutes", seconds: 900 },
  { key: "1h", label: "1 h", words: "1 hour", seconds: 3600 },
  { key: "6h", label: "6 h", words: "6 hours", seconds: 21_600 },
  { key: "24h", label: "24 h", words: "24 hours", seconds: 86_400 },
  { key: "7d", label: "7 d", words: "7 days", seconds: 604_800 },
  { key: "30d", label: "30 d", words: "30 days", seconds: 2_592_000 },
  { key: "all", label: "all", words: "everything there is", seconds: Infinity },
] as const;

export type RangeKey = (typeof RANGES)[number]["key"];

export const DEFAULT_RANGE: RangeKey = "5m";

/** Points a chart is drawn with at most; fewer than 300 only where a step would be under 1 s. */
const POINTS_MAX = 600;

/** Steps that divide the clock evenly, in seconds. */
const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200,
  86_400, 172_800, 604_800,
];

/** The shortest stretch a chart shows; below it a fresh server's chart would jitter. */
const SHOWN_SECONDS_MIN = 60;

export interface View {
  range: RangeKey;
  from: number | null;
  to: number | null;
}

/** What a chart asks the server for. */
export type Request =
  | { kind: "live"; window: number; step: number }
  | { kind: "fixed"; from: number; to: number; step: number };

/** The finest step with few enough points that is not finer than samples come. */
export function stepFor(seconds: number, interval = 1, points = POINTS_MAX): number {
  for (const step of STEPS) if (seconds / step <= points && step >= interval) return step;
  return Math.ceil(seconds / points / 604_800) * 604_800;
}

/** What is observed rather than sampled is kept by so many seconds once it is on disk. */
const OBSERVED_SECONDS = 15;

/**
 * The same question for what is observed now and then: so many points at most, and no step that
 * would fall between two that are kept.
 */
export function coarser(wanted: Request, points: number): Request {
  if (points === Infinity) return wanted;
  const seconds = wanted.kind === "live" ? wanted.window : wanted.to - wanted.from;
  return { ...wanted, step: Math.max(wanted.step, stepFor(seconds, OBSERVED_SECONDS, points)) };
}

export function rangeSeconds(key: RangeKey): number {
  return RANGES.find((range) => range.key === key)?.seconds ?? 300;
}

/** The range `by` places further along the list, staying inside it. */
export function neighbour(key: RangeKey, by: number): RangeKey {
  const at = RANGES.findIndex((range) => range.key === key);
  const index = Math.min(RANGES.length - 1, Math.max(0, at + by));
  return RANGES[index]?.key ?? key;
}

/**
 * The history's length rounded up to a power of two of minutes: a request derived from it changes
 * only when the history has doubled, not every second.
 */
export function roundedExtent(dataFrom: number | null, now: number): number {
  if (dataFrom === null) return Infinity;
  let extent = SHOWN_SECONDS_MIN;
  while (extent < now - dataFrom) extent *= 2;
  return extent;
}

/** What to ask for, or null while "all" is wanted and the history's start is not known yet. */
export function requestFor(view: View, extent: number, interval = 1): Request | null {
  const range = rangeSeconds(view.range);
  const seconds = Math.min(range, extent);
  if (view.to !== null) {
    const to = Math.ceil(view.to);
    if (view.from === null && seconds === Infinity) return null;
    const from = Math.floor(view.from ?? to - seconds);
    return { kind: "fixed", from, to, step: stepFor(to - from, interval) };
  }
  if (seconds === Infinity) return null;
  return {
    kind: "live",
    window: range === Infinity ? extent : range,
    step: stepFor(seconds, interval),
  };
}

/** The stretch of time the charts show: the view's, cut to where data begins. */
export function shownWindow(
  view: View,
  liveEnd: number,
  dataFrom: number | null,
): [number, number] {
  const to = view.to ?? liveEnd;
  if (view.from !== null) return [view.from, to];
  const wanted = to - rangeSeconds(view.range);
  const begin = Math.max(wanted, dataFrom ?? wanted);
  const from = Number.isFinite(begin) ? begin : to - 300;
  return [Math.min(from, to - SHOWN_SECONDS_MIN), to];
}

export function parseView(params: URLSearchParams): View {
  const wanted = params.get("range");
  const range = RANGES.find((known) => known.key === wanted)?.key ?? DEFAULT_RANGE;
  const to = parseTime(params.get("to"));
  const from = to === null ? null : parseTime(params.get("from"));
  if (from !== null && to !== null && from >= to) return { range, from: null, to: null };
  return { range, from, to };
}

function parseTime(text: string | null): number | null {
  if (!text) return null;
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Date.parse(text) / 1000;
  return Number.isFinite(seconds) && seconds > 0 ? seconds : null;
}

export function viewParams(view: View): URLSearchParams {
  const params = new URLSearchParams({ range: view.range });
  if (view.from !== null) params.set("from", String(Math.floor(view.from)));
  if (view.to !== null) params.set("to", String(Math.ceil(view.to)));
  return params;
}
