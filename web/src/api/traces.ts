/**
 * Traces: found, read in pages, and merged into call trees; as `docs/traces.md` states them.
 */
import { call } from "./client";

export interface FoundTrace {
  trace_id: string;
  root: { service: string; name: string; operation?: string } | null;
  start: string;
  duration: number;
  spans: number;
  errors: number;
  services: string[];
  matched: number;
}

/** What an attribute holds. */
export type Held = string | number | boolean | null | readonly Held[] | { [key: string]: Held };

export interface SpanEvent {
  time?: string;
  name?: string;
  attributes?: Record<string, Held>;
}

export interface SpanLink {
  trace_id?: string;
  span_id?: string;
}

export interface Span {
  span_id: string;
  parent_id: string | null;
  pending: boolean;
  name: string;
  operation?: string;
  service: string;
  kind: string;
  start: string;
  duration: number | null;
  status: string;
  status_message: string;
  scope: string;
  attributes: Record<string, Held>;
  resource: Record<string, Held>;
  events: SpanEvent[];
  links: SpanLink[];
  depth?: number | null;
  self_seconds?: number | null;
  on_critical_path?: boolean | null;
  oddity?: string | null;
  oddity_seconds?: number | null;
}

export interface Oddities {
  cycles: number;
  duplicates: number;
  orphans: number;
  begin_before_parent: number;
  skew_seconds: number;
  outlive_parent: number;
}

export interface TracePage {
  spans: Span[];
  oddities?: Oddities;
  next: string | null;
}

export interface CallNode {
  name: string;
  service: string;
  kind: string;
  count: number;
  per_trace: number;
  total_seconds: number;
  self_seconds: number;
  critical_seconds: number;
  p50: number | null;
  p99: number | null;
  relative_error: number;
  errors: number;
  children: CallNode[];
}

export interface Finding {
  kind: string;
  calls: number;
  calls_per_trace: number;
  traces: number;
  share: number;
  seconds: number;
  suggestion: string;
}

export interface CallsBody {
  traces: number;
  runs: number;
  spans: number;
  cut: boolean;
  tree: CallNode[];
  findings: Finding[];
}

export async function fetchTraces(
  params: URLSearchParams,
  signal: AbortSignal,
): Promise<FoundTrace[]> {
  return (await call<{ traces: FoundTrace[] }>(`traces?${params}`, { signal })).traces;
}

export const fetchCalls = (params: URLSearchParams, signal: AbortSignal): Promise<CallsBody> =>
  call(`calls?${params}`, { signal });

export const fetchTraceCalls = (id: string, signal: AbortSignal): Promise<CallsBody> =>
  call(`traces/${encodeURIComponent(id)}/calls`, { signal });

/** Spans in the order they began, `limit` of them after `cursor`. */
export function fetchTracePage(
  id: string,
  cursor: string | null,
  limit: number,
  signal: AbortSignal,
): Promise<TracePage> {
  const params = new URLSearchParams({ limit: String(limit) });
  if (cursor !== null) params.set("cursor", cursor);
  return call(`traces/${encodeURIComponent(id)}?${params}`, { signal });
}
