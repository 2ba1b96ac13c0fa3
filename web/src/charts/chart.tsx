/**
 * A chart card: title, canvas, legend, and the same in words for those who do not see it.
 *
 * What a chart shows is a `ChartSpec`, a plain value; this file turns it into queries and drawing.
 */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import type { SeriesQuery } from "../api/types";
import { clock, moment, text } from "../format";
import type { Track } from "../state/series";
import { useFeed } from "../state/feed";
import { themeVersion } from "../state/theme";
import { liveEnd, resume, shown, zoom } from "../state/view";
import { buildFrame, highest, summarise, type Frame, type Line, type Summary } from "./frame";
import { Legend } from "./legend";
import { Plot, type Band, type Guide, type Mark, type PlotState } from "./plot";
import { niceScale } from "./scale";

export interface ChartSpec {
  id: string;
  title: string;
  unit: string;
  stacked: boolean;
  /** The scale's least upper end, so that noise near zero does not look like a mountain. */
  floor: number;
  /** At most so many points, where what is counted is too rare for more. */
  points?: number;
  queries: readonly SeriesQuery[];
  /** The lines to draw from the tracks of each query, in the order of the legend. */
  lines: (sets: readonly Track[][]) => Line[];
}

export interface ChartProps {
  spec: ChartSpec;
  note?: ComponentChildren;
  band?: Band | null;
  guides?: readonly Guide[];
  marks?: readonly Mark[];
  /** A fixed upper end, for example the memory there is. */
  top?: number | undefined;
  empty: string;
  class?: string;
}

const NONE: readonly never[] = [];

export function Chart(props: ChartProps) {
  const { spec, band = null, guides = NONE, marks = NONE, top } = props;
  const feed = useFeed(spec.queries, spec.points);
  const sets = feed.sets.value;
  const [from, to] = shown.value;
  const lines = useMemo(() => spec.lines(sets), [sets, spec]);
  const frame = useMemo(() => buildFrame(lines, spec.stacked), [lines, spec]);
  const cursor = useSignal<number | null>(null);
  const status = feed.status.value;
  const empty = frame.times.length === 0;
  const peak = Math.max(highest(frame, from, to), band?.high ?? 0);
  const state: PlotState = {
    lines,
    frame,
    stacked: spec.stacked,
    unit: spec.unit,
    scale: niceScale(peak, spec.floor, spec.unit, top),
    from,
    to,
    band,
    guides,
    marks,
    themeVersion: themeVersion.value,
  };
  const summary = summarise(lines, from, to);
  const index = cursor.value;
  return (
    <section
      class={`card chart-card ${props.class ?? ""}`}
      aria-label={spec.title}
      data-chart={spec.id}
    >
      <h3>
        {spec.title}
        <small>{cursorNote(frame, index) ?? props.note}</small>
      </h3>
      <div class={status.state === "loading" && !empty ? "plot-area dimmed" : "plot-area"}>
        {empty ? (
          <Blank state={status} words={props.empty} />
        ) : (
          <Canvas
            state={state}
            words={inWords(spec, summary)}
            onCursor={(at) => (cursor.value = at)}
          />
        )}
      </div>
      <Legend
        unit={spec.unit}
        entries={lines.map((line, k) => ({
          label: line.label,
          color: line.color,
          value: valueAt(frame, k, index) ?? (index === null ? (summary[k]?.last ?? null) : null),
        }))}
      />
      <div class="sr-only">
        <SummaryTable title={spec.title} unit={spec.unit} rows={summary} />
      </div>
    </section>
  );
}

function Blank({ state, words }: { state: { state: string; detail?: string }; words: string }) {
  if (state.state === "failed") return <p class="blank warn">{state.detail}</p>;
  if (state.state === "loading") return <div class="blank skeleton" aria-label="Loading" />;
  return <p class="blank">{words}</p>;
}

function Canvas(props: { state: PlotState; words: string; onCursor: (at: number | null) => void }) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const { state, onCursor } = props;
  useLayoutEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    plot.current = new Plot(element, state, { onCursor, onZoom: zoom, onReset: resume });
    if (performance.getEntriesByName("first-chart").length === 0) performance.mark("first-chart");
    const observer = new ResizeObserver(() => plot.current?.resize());
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
    // The canvas is made once; what changes later goes through `update`.
  }, []);
  useEffect(() => {
    plot.current?.update(state);
  });
  return (
    <div
      class="plot"
      ref={host}
      role="img"
      aria-label={props.words}
      data-points={state.frame.times.length}
      data-end={state.frame.times[state.frame.times.length - 1]}
    />
  );
}

function cursorNote(frame: Frame, index: number | null): string | null {
  const time = index === null ? undefined : frame.times[index];
  if (time === undefined) return null;
  const [from, to] = shown.value;
  const words = moment(time, liveEnd.value, to - from <= 7200);
  return words || clock(time);
}

function valueAt(frame: Frame, line: number, index: number | null): number | null {
  if (index === null) return null;
  const column = frame.values[line];
  // A line with fewer points shows its latest value before the crosshair.
  for (let i = index; i >= Math.max(0, index - 10); i--) {
    const value = column?.[i];
    if (value === null) return null;
    if (value !== undefined) return value;
  }
  return null;
}

function inWords({ title, unit }: ChartSpec, rows: readonly Summary[]): string {
  const parts = rows
    .filter((row) => row.last !== null)
    .map((row) => `${row.label} ${text(row.last, unit)}, highest ${text(row.max, unit)}`);
  return `${title}: ${parts.join("; ")}`;
}

function SummaryTable(props: { title: string; unit: string; rows: readonly Summary[] }) {
  const { title, unit, rows } = props;
  return (
    <table>
      <caption>{title}, in the range shown</caption>
      <thead>
        <tr>
          <th scope="col">Line</th>
          <th scope="col">Latest</th>
          <th scope="col">Mean</th>
          <th scope="col">Lowest</th>
          <th scope="col">Highest</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.label}>
            <th scope="row">{row.label}</th>
            <td>{text(row.last, unit)}</td>
            <td>{text(row.mean, unit)}</td>
            <td>{text(row.min, unit)}</td>
            <td>{text(row.max, unit)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
