/**
 * The charts of a service, an agent or anything else that spans tell of: how often, how often it
 * fails, how long it takes. From the series derived from spans.
 */
import type { SeriesQuery } from "../../api/types";
import type { ChartSpec } from "../../charts/chart";
import type { Line } from "../../charts/frame";
import type { Track } from "../../state/series";
import { combine, scale, sum } from "../overview/tracks";

/** Requests are rarer than samples: with more points most would have none. */
const POINTS = 90;

/** Stamped with when a span ended, unlike the counter of calls, which tells when it arrived. */
export const DURATION = "traces_span_metrics_duration_seconds";

const QUANTILES = [
  { agg: "p50", color: "--s3" },
  { agg: "p95", color: "--s1" },
  { agg: "p99", color: "--s2" },
] as const;

/** A label's value as a selector writes it. */
export function quoted(value: string): string {
  return `"${value.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"`;
}

function line(label: string, color: string, track: Track | null | undefined): Line[] {
  return track ? [{ label, color, t: track.t, v: track.v }] : [];
}

export interface Charts {
  rate: ChartSpec;
  errors: ChartSpec;
  latency: ChartSpec;
}

/** Where the figures of charts come from: a metric, its series, and those that tell failures. */
export interface From {
  metric: string;
  matchers: string;
  failed: string;
}

/** The three charts of the spans that `matchers` select. */
export function chartsOf(id: string, what: string, matchers: string): Charts {
  const from = { metric: DURATION, matchers, failed: 'status_code="STATUS_CODE_ERROR"' };
  return { ...countsOf(id, what, from), latency: latencyOf(id, from) };
}

/** The same of a service that sends no spans, from the metrics of its HTTP library. */
export function libraryChartsOf(
  id: string,
  name: string,
  origin: "histograms" | "buckets",
): Charts {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const matchers = `job=~${quoted(`(.*/)?${escaped}`)}`;
  const failed = 'http_response_status_code=~"5.."';
  const metric = "http_server_request_duration_seconds";
  if (origin === "histograms") {
    const from = { metric, matchers, failed };
    return { ...countsOf(id, "Requests", from), latency: latencyOf(id, from) };
  }
  const from = { metric: `${metric}_count`, matchers, failed };
  return { ...countsOf(id, "Requests", from), latency: meanOf(id, metric, matchers) };
}

function countsOf(id: string, what: string, from: From): Pick<Charts, "rate" | "errors"> {
  const calls = (more: string): SeriesQuery => ({
    match: `${from.metric}{${from.matchers}${more}}`,
    agg: "rate",
    by: [],
  });
  return {
    rate: {
      id: `${id}-rate`,
      title: what,
      unit: "/s",
      stacked: false,
      floor: 0.1,
      points: POINTS,
      queries: [calls("")],
      lines: ([all = []]) => line("a second", "--s1", sum(all)),
    },
    errors: {
      id: `${id}-errors`,
      title: "Failed",
      unit: "%",
      stacked: false,
      floor: 1,
      points: POINTS,
      queries: [calls(""), calls(`,${from.failed}`)],
      lines: ([all = [], failed = []]) =>
        line("failed", "--worse", failedShare(sum(all), sum(failed))),
    },
  };
}

function latencyOf(id: string, { metric, matchers }: From): ChartSpec {
  return {
    id: `${id}-latency`,
    title: "Latency",
    unit: "s",
    stacked: false,
    floor: 0.001,
    points: POINTS,
    queries: QUANTILES.map(({ agg }) => ({ match: `${metric}{${matchers}}`, agg, by: [] })),
    lines: (sets) => QUANTILES.flatMap(({ agg, color }, i) => line(agg, color, sets[i]?.[0])),
  };
}

/** Buckets tell the mean exactly and a percentile hardly, so the mean is drawn. */
function meanOf(id: string, metric: string, matchers: string): ChartSpec {
  const rate = (part: string): SeriesQuery => ({
    match: `${metric}_${part}{${matchers}}`,
    agg: "rate",
    by: [],
  });
  return {
    id: `${id}-latency`,
    title: "Mean latency",
    unit: "s",
    stacked: false,
    floor: 0.001,
    points: POINTS,
    queries: [rate("sum"), rate("count")],
    lines: ([seconds = [], calls = []]) => {
      const [total, number] = [sum(seconds), sum(calls)];
      if (!total || !number) return [];
      return line(
        "mean",
        "--s3",
        combine(total, number, (a, b) => (b > 0 ? a / b : 0)),
      );
    },
  };
}

/** In percent. Where something was done and no failure is told, none happened. */
export function failedShare(all: Track | null, failed: Track | null): Track | null {
  if (!all) return null;
  const at = new Map(failed?.t.map((time, i) => [time, failed.v[i] ?? 0]));
  const filled = { ...all, v: all.t.map((time) => at.get(time) ?? 0) };
  return scale(
    combine(filled, all, (part, total) => (total > 0 ? Math.min(1, part / total) : 0)),
    100,
  );
}

/** What a service answers; all it does where it answers nothing. */
export function ofService(name: string, answers: boolean): string {
  const kinds = answers
    ? ',span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER",websocket_event=""'
    : "";
  return `service=${quoted(name)}${kinds}`;
}

const TOKEN_TYPES = [
  { type: "input", label: "input", color: "--s1" },
  { type: "cache_read", label: "of it from the cache", color: "--s7" },
  { type: "output", label: "output", color: "--s2" },
  { type: "reasoning", label: "of it reasoning", color: "--s4" },
] as const;

/** Tokens a second by kind; what is part of another is not added to it. */
export function tokensOf(id: string, metric: string, matchers: string): ChartSpec {
  return {
    id: `${id}-tokens`,
    title: "Tokens",
    unit: "/s",
    stacked: false,
    floor: 1,
    points: POINTS,
    queries: [{ match: `${metric}{${matchers}}`, agg: "rate", by: ["gen_ai_token_type"] }],
    lines: ([tracks = []]) =>
      TOKEN_TYPES.flatMap(({ type, label, color }) =>
        line(
          label,
          color,
          tracks.find((track) => track.labels["gen_ai_token_type"] === type),
        ),
      ),
  };
}
