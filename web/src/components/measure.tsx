/**
 * Figures of services and agents as tables write them, each with its change beside it.
 *
 * A change is told, never judged: whether it means anything is for a comparison to say.
 */
import type { Measured, Origin, Stats } from "../api/services";
import { change, DASH, exact, number, SPACE, span, text } from "../format";
import type { Column } from "./sorted";

/** From here on failures are worth a colour: one in a hundred. */
export const FAILING_SHARE = 0.01;

/** Below so many observations a percentile is one of them, and a change of it means nothing. */
const CHANGE_COUNT_MIN = 5;

export function failing(stats: Pick<Stats, "error_rate">): boolean {
  return (stats.error_rate ?? 0) >= FAILING_SHARE;
}

/** How many a second, in the unit that leaves a number worth reading: 12.4/s, 3.10/min. */
export function rateInWords(rate: number | null): string {
  if (rate === null) return DASH;
  if (rate === 0) return "0";
  const [size, unit] =
    rate >= 0.1 ? [rate, "s"] : rate >= 0.1 / 60 ? [rate * 60, "min"] : [rate * 3600, "h"];
  const digits = size >= 10_000 ? text(size, "").replace(SPACE, "") : number(size);
  return `${digits}/${unit}`;
}

export function shareInWords(share: number | null): string {
  return share === null ? DASH : share === 0 ? `0${SPACE}%` : exact(share * 100, "%");
}

/** Relative change of `now` against `before`; null where either is not known. */
export function changeOf(now: number | null, before: number | null | undefined): number | null {
  if (now === null || before === null || before === undefined || before === 0) return null;
  return (100 * (now - before)) / before;
}

/** A change without more digits than it is good for: +18 %, −0.4 %; none where nothing changed. */
export function changeInShort(percent: number | null): string {
  if (percent === null) return "";
  const rounded = Math.abs(percent) >= 10 ? Math.round(percent) : Math.round(percent * 10) / 10;
  return rounded === 0
    ? `±0${SPACE}%`
    : change(rounded)
        .replace(/\.(\d)0(?=\D)/, ".$1")
        .replace(/\.0+(?=\D)/, "");
}

export function Change({ now, before }: { now: number | null; before: number | null | undefined }) {
  const words = changeInShort(changeOf(now, before));
  return (
    <small class="change" title={words && "change against the window compared with"}>
      {words}
    </small>
  );
}

function comparable({ stats, previous }: Measured): boolean {
  return Math.min(stats.count, previous?.count ?? 0) >= CHANGE_COUNT_MIN;
}

export function Rate({ stats, previous }: Measured) {
  return (
    <>
      {rateInWords(stats.rate)}
      <Change now={stats.rate} before={previous?.rate} />
    </>
  );
}

export function Errors({ stats }: { stats: Stats }) {
  const words = shareInWords(stats.error_rate);
  return <span class={failing(stats) ? "bad" : stats.errors === 0 ? "faint" : ""}>{words}</span>;
}

type Figure = "mean" | "p50" | "p95" | "p99";

export function Latency({ of, figure }: { of: Measured; figure: Figure }) {
  const before = comparable(of) ? of.previous?.[figure] : null;
  return (
    <>
      <Seconds stats={of.stats} figure={figure} />
      <Change now={of.stats[figure]} before={before} />
    </>
  );
}

/** A latency; where only buckets arrive, with the bucket it lies in. */
export function Seconds({ stats, figure }: { stats: Stats; figure: Figure }) {
  const bounds = figure === "mean" ? undefined : stats.bounds?.[figure];
  const words = text(stats[figure], "s");
  if (!bounds) return <>{words}</>;
  const [low, high] = bounds;
  const within = `between ${text(low, "s")} and ${high === null ? "any length" : text(high, "s")}`;
  const about = stats[figure] === null ? `>${SPACE}${text(low, "s")}` : `≈${SPACE}${words}`;
  return <span title={`${within}: only explicit buckets arrive`}>{about}</span>;
}

/** The same as words: "366 ms", or between what it lies: "100 – 500 ms", "> 500 ms". */
export function latencyInWords(stats: Stats, figure: "p50" | "p95" | "p99"): string {
  const bounds = stats.bounds?.[figure];
  if (!bounds) return text(stats[figure], "s");
  const [low, high] = bounds;
  return high === null ? `>${SPACE}${text(low, "s")}` : span(low, high, "s");
}

/** The columns that every table of measured things has. */
export function measuredColumns<R extends Measured>(what: string): Column<R>[] {
  return [
    {
      key: "rate",
      head: what,
      class: "with-change",
      cell: (row) => <Rate stats={row.stats} previous={row.previous} />,
      by: ({ stats }) => stats.rate,
    },
    {
      key: "errors",
      head: "Errors",
      cell: ({ stats }) => <Errors stats={stats} />,
      by: ({ stats }) => stats.error_rate,
    },
    {
      key: "p50",
      head: "p50",
      class: "opt",
      cell: ({ stats }) => <Seconds stats={stats} figure="p50" />,
      by: ({ stats }) => stats.p50,
    },
    {
      key: "p95",
      head: "p95",
      class: "with-change",
      cell: (row) => <Latency of={row} figure="p95" />,
      by: ({ stats }) => stats.p95,
    },
    {
      key: "p99",
      head: "p99",
      class: "opt",
      cell: ({ stats }) => <Seconds stats={stats} figure="p99" />,
      by: ({ stats }) => stats.p99,
    },
  ];
}

const ORIGINS: Record<Origin, string> = {
  spans: "every span, counted before any is sampled away",
  histograms: "exponential histograms of its own library",
  buckets: "explicit buckets of its own library, so a percentile lies somewhere in its bucket",
};

/** "From every span …; percentiles within 0.54 %." */
export function originInWords({ source, relative_error: error }: Stats): string {
  if (source === null) return "";
  const within =
    error === null || source === "buckets" ? "" : `; percentiles within ${exact(error * 100, "%")}`;
  return `From ${ORIGINS[source]}${within}.`;
}
