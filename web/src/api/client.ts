/**
 * The HTTP calls the page makes, typed.
 *
 * Every failure is an `ApiError` whose message can be shown to a person. Paths are relative to the
 * page, so that it works behind a prefix. Not for live data: that is `socket.ts`.
 */
import { beside } from "./address";
import type {
  Alert,
  AlertRule,
  Baseline,
  Comparison,
  SeriesQuery,
  SourcesBody,
  WireSeries,
} from "./types";

const BASE = "api/performance/";

/** Series pages followed for one answer; a chart never needs more. */
const PAGES_MAX = 5;

export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export async function call<T>(path: string, init?: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(beside(document.baseURI, BASE).href + path, init);
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError(0, "The server cannot be reached.");
  }
  if (!response.ok) throw new ApiError(response.status, await problem(response));
  return (await response.json()) as T;
}

/** The words of a problem document (RFC 9457), or of the status line where there is none. */
async function problem(response: Response): Promise<string> {
  try {
    const body = (await response.json()) as { title?: string; detail?: string };
    const words = body.detail ?? body.title;
    if (words) return words;
  } catch {
    // Not JSON; the status line has to do.
  }
  return `The server answered ${response.status} ${response.statusText}`.trim();
}

function post<T>(path: string, body: unknown): Promise<T> {
  return call<T>(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

export interface SeriesRange {
  from: number;
  to: number;
  step: number;
}

export async function fetchSeries(
  query: SeriesQuery,
  range: SeriesRange,
  signal?: AbortSignal,
): Promise<WireSeries[]> {
  const params = new URLSearchParams({
    "match[]": query.match,
    agg: query.agg,
    from: String(range.from),
    to: String(range.to),
    step: String(range.step),
  });
  if (query.by) params.set("by", query.by.join(","));
  const found: WireSeries[] = [];
  for (let page = 0; page < PAGES_MAX; page++) {
    const body = await call<{ series: WireSeries[]; next: string | null }>(
      `metrics?${params}`,
      signal ? { signal } : undefined,
    );
    found.push(...body.series);
    if (!body.next) break;
    params.set("cursor", body.next);
  }
  return found;
}

export interface AlertsBody {
  alerts: Alert[];
  rules: AlertRule[];
}

export function fetchAlerts(limit = 100): Promise<AlertsBody> {
  return call(`alerts?limit=${limit}`);
}

export async function fetchBaselines(): Promise<Baseline[]> {
  return (await call<{ baselines: Baseline[] }>("baselines")).baselines;
}

export function createBaseline(name: string, windowSeconds: number): Promise<Baseline> {
  return post("baselines", { name, window: `${windowSeconds}s` });
}

export function compareBaseline(name: string, windowSeconds: number): Promise<Comparison> {
  return post(`baselines/${encodeURIComponent(name)}/compare`, { window: `${windowSeconds}s` });
}

/** What came in since the server started, by protocol and source; what is scraped and sent on. */
export function fetchSources(): Promise<SourcesBody> {
  return call("sources");
}
