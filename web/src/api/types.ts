/**
 * The bodies of the HTTP API and the WebSocket, as `docs/api.md` states them.
 *
 * Anything the server does not know yet is `null`, never zero. Nothing else in the page names a
 * field of the wire that is not here.
 */

/** Unix seconds and a value; a value that is not finite arrives as null. */
export type Point = [number, number | null];

export type Labels = Record<string, string>;

export interface WireSeries {
  name: string;
  labels: Labels;
  kind?: string;
  unit?: string;
  points: Point[];
}

export type Level = "ok" | "info" | "warning" | "critical";
export type Answer = "regressed" | "improved" | "stable" | "inconclusive";

export interface TileBaseline {
  name: string;
  version: number;
  low: number | null;
  high: number | null;
  median: number | null;
}

export interface TileVerdict {
  answer: Answer;
  severity: Level | null;
  leaning: string | null;
  change_percent: number | null;
  interval: [number | null, number | null] | null;
}

export interface Tile {
  id: string;
  title: string;
  metric: string;
  value: number | null;
  unit: string;
  avg_1h: number | null;
  avg_24h: number | null;
  baseline: TileBaseline | null;
  verdict: TileVerdict | null;
  trend: Point[];
}

export interface Alert {
  id: string;
  rule: string;
  /** The metric that the rule watches. */
  metric?: string;
  state: string;
  severity: Level;
  value: number | null;
  threshold: number | null;
  unit: string;
  started_at: string;
  ended_at: string | null;
  message: string;
  labels: Labels;
}

export interface AlertRule {
  name: string;
  metric: string;
  condition: string;
  window: string | number;
  severity: Level;
}

export interface Verdict {
  id: string;
  target: string;
  metric: string;
  /** What people call it; the metric's name where nobody calls it otherwise. */
  title?: string;
  answer: Answer;
  leaning?: string | null;
  severity: Level | null;
  change_percent: number | null;
  change: number | null;
  unit: string;
  interval: [number | null, number | null] | null;
  level?: number | null;
  method?: string;
  p_value?: number | null;
  effect?: { name: string; value: number | null; class: string } | null;
  n?: [number, number] | null;
  effective_n?: [number, number] | null;
  margin_percent?: number | null;
  needs_more?: string | number | null;
  evidence?: unknown;
}

export interface ProcessRow {
  pid: number;
  name: string;
  cpu_percent: number | null;
  resident_bytes: number | null;
}

export interface Annotation {
  time: string | number;
  name: string;
}

export interface Host {
  name: string;
  cores: number | null;
  kernel: string | null;
  memory_bytes: number | null;
  boot_time: string | null;
}

export interface SelfCost {
  version: string;
  series: number | null;
  samples_per_second: number | null;
  resident_bytes: number | null;
  cpu_percent: number | null;
  disk_bytes: number | null;
  uptime_seconds: number | null;
  /** Time of the oldest sample. */
  oldest?: string | null;
}

export interface Dashboard {
  schema: number;
  time: string;
  host: Host;
  state: { level: Level; sentence: string; detail: string | null };
  tiles: Tile[];
  alerts: Alert[];
  findings: Verdict[];
  annotations: Annotation[];
  top: { cpu: ProcessRow[]; memory: ProcessRow[] };
  self: SelfCost;
}

export interface BaselineMetric {
  metric: string;
  labels: Labels;
  unit: string;
  kind: string;
  /** How samples became values: `avg`, `rate`. */
  agg?: string;
  n: number;
  effective_n: number | null;
  mean: number | null;
  stddev: number | null;
  median: number | null;
  p5: number | null;
  p95: number | null;
  p99: number | null;
  min: number | null;
  max: number | null;
  /** What speaks against relying on it, in words. */
  findings?: string[];
}

export interface Baseline {
  name: string;
  version: number;
  created_at: string;
  valid: boolean;
  invalid_reason: string | null;
  from: string;
  to: string;
  metrics: BaselineMetric[];
}

export interface Comparison {
  baseline: Baseline;
  verdicts: Verdict[];
}

/** What a chart asks for; `by` lists the labels to keep, an empty list merges all. */
export interface SeriesQuery {
  match: string;
  agg: string;
  by?: string[];
}

export type ServerMessage =
  | { type: "hello"; version: string; interval: number; time: string }
  | { type: "data"; id: string; series: WireSeries[] }
  | { type: "append"; id: string; series: WireSeries[] }
  | { type: "dashboard"; id: string; body: Dashboard }
  | { type: "error"; id?: string; detail: string };

/** A subscription's request, less its type and id, which the socket adds. */
export type Subscription =
  { query: SeriesQuery & { window: string; step: string } } | { dashboard: { window: string } };

/** What came from one source, and what became of it. */
export interface Source {
  protocol: string;
  signal: string;
  source: string;
  received: number;
  accepted: number;
  filtered: number;
  refused: Record<string, number>;
  delayed: number;
  rate: number;
  last: string;
  delay_seconds: number | null;
}

/** What is wrong with a job of scraping, or with one of its targets. */
export interface ScrapeProblem {
  /** null where it is the job itself. */
  instance: string | null;
  health: string;
  error: string;
  last: string | null;
}

export interface ScrapeJob {
  job: string;
  targets: number;
  up: number;
  down: number;
  problems: ScrapeProblem[];
  problems_more: number;
}

/** Something that a destination answered, or that became of asking it, and when. */
export interface Said {
  at: string;
  detail: string;
}

/** Where what was kept is sent on to. */
export interface Destination {
  name: string;
  url: string;
  /** `healthy`, `retrying`, `stuck` or `refusing`. */
  state: string;
  sent: number;
  waiting: number;
  waiting_bytes: number;
  delay_seconds: number;
  dropped: Record<string, number>;
  error: Said | null;
  refusal: Said | null;
}

export interface SourcesBody {
  since: string;
  sources: Source[];
  scraping: ScrapeJob[];
  forwarding: Destination[];
}
