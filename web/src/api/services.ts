/**
 * What services, agents, tools, models, databases and WebSockets did in a window: the calls below
 * `/api/performance/` that `docs/services.md` states, and their bodies.
 */
import { call } from "./client";

/** The window, and what it is compared with, as the server is asked for them. */
export type Scope = URLSearchParams;

export type Quantile = "p50" | "p90" | "p95" | "p99" | "p99_9";

/** Durations are seconds; what is not known is null. */
export interface Stats {
  count: number;
  errors: number;
  error_rate: number | null;
  rate: number;
  total: number;
  min: number | null;
  mean: number | null;
  max: number | null;
  p50: number | null;
  p90: number | null;
  p95: number | null;
  p99: number | null;
  p99_9: number | null;
  relative_error: number | null;
  /** Where only explicit buckets arrive: between what each quantile lies. */
  bounds: Record<Quantile, [number | null, number | null]> | null;
  source: Origin | null;
}

export type Origin = "spans" | "histograms" | "buckets";

export interface Measured {
  stats: Stats;
  previous: Stats | null;
}

export interface Range {
  from: string;
  to: string;
  previous: { from: string; to: string } | null;
}

export interface ServiceRow extends Measured {
  name: string;
  kinds: string[];
  endpoints: number;
  overflow: number;
  last_seen: string | null;
  source: Origin | null;
}

export interface ServicesBody {
  range: Range;
  services: ServiceRow[];
  more: number;
}

export interface Example {
  trace_id: string;
  value: number;
  time: string;
  failed: boolean;
}

export interface Size {
  count: number;
  mean: number | null;
  p50: number | null;
  p95: number | null;
  max: number | null;
}

export interface Endpoint extends Measured {
  name: string;
  method: string | null;
  route: string | null;
  kind: string;
  statuses: Record<string, number>;
  error_types: Record<string, number>;
  request_bytes: Size | null;
  response_bytes: Size | null;
  exemplars: Example[];
}

export interface Dependency extends Measured {
  kind: string;
  name: string;
}

export interface Average {
  mean: number | null;
  rate: number;
  error_rate: number | null;
}

export interface ServiceBody extends Measured {
  name: string;
  range: Range;
  kinds: string[];
  error_rate_5m: number | null;
  averages: { "1h": Average; "24h": Average };
  endpoints: Endpoint[];
  endpoints_more: number;
  dependencies: Dependency[];
  dependencies_more: number;
  agents: Agent[];
  tools: Tool[];
  models: Model[];
  databases: Database[];
  websockets: WebsocketRoute[];
  sizes: { request: Size | null; response: Size | null };
  overflow: number;
  last_seen: string | null;
}

export interface Tokens {
  input: number | null;
  output: number | null;
  cache_read: number | null;
  cache_creation: number | null;
  reasoning: number | null;
}

export interface Used {
  tokens: Tokens;
  cost: number | null;
  currency: string;
}

export interface PerRun {
  mean: number | null;
  p95: number | null;
}

export interface Agent extends Measured, Used {
  name: string;
  service: string;
  services: string[];
  inference_calls: PerRun | null;
  tool_calls: PerRun | null;
  last_seen: string | null;
}

export interface Tool extends Measured {
  name: string;
  service: string;
  kind: string;
  agents: string[];
  /** How often, as an agent's runs tell; only of one agent. */
  uses?: number | null;
}

export interface Model extends Measured, Used {
  name: string;
  provider: string;
  operations: string[];
  services: string[];
  time_to_first_chunk: { p50: number | null; p95: number | null } | null;
}

export interface Run {
  trace_id: string;
  start: string;
  duration: number;
  failed: boolean;
}

export interface AgentBody extends Agent {
  range: Range;
  tools: Tool[];
  models: Model[];
  runs: Run[];
}

export interface Query extends Measured {
  name: string;
  collection: string | null;
  operation: string | null;
}

export interface Database extends Measured {
  system: string;
  namespace: string;
  service: string;
  queries: Query[];
  queries_more: number;
}

export interface WebsocketRoute {
  service: string;
  route: string;
  active: number | null;
  connections: Measured;
  received: number | null;
  sent: number | null;
  errors: number | null;
}

export interface MapNode {
  name: string;
  kind: string;
  stats: Stats | null;
}

export interface MapEdge {
  client: string;
  server: string;
  kind: string;
  count: number;
  failed: number;
  rate: number;
  p50: number | null;
  p95: number | null;
}

export interface MapBody {
  nodes: MapNode[];
  edges: MapEdge[];
  more: number;
}

export interface AgentsBody {
  agents: Agent[];
  more: number;
}

const get = <T>(path: string, scope: Scope, signal: AbortSignal): Promise<T> =>
  call<T>(`${path}?${scope}`, { signal });

export const fetchServices = (scope: Scope, signal: AbortSignal): Promise<ServicesBody> =>
  get("services", scope, signal);

export const fetchService = (name: string, scope: Scope, signal: AbortSignal) =>
  get<ServiceBody>(`services/${encodeURIComponent(name)}`, scope, signal);

export const fetchMap = (scope: Scope, signal: AbortSignal): Promise<MapBody> =>
  get("map", scope, signal);

export async function fetchDatabases(scope: Scope, signal: AbortSignal): Promise<Database[]> {
  return (await get<{ databases: Database[] }>("databases", scope, signal)).databases;
}

export async function fetchWebsockets(
  scope: Scope,
  signal: AbortSignal,
): Promise<WebsocketRoute[]> {
  return (await get<{ websockets: WebsocketRoute[] }>("websockets", scope, signal)).websockets;
}

export const fetchAgents = (scope: Scope, signal: AbortSignal): Promise<AgentsBody> =>
  get("agents", scope, signal);

export const fetchAgent = (name: string, scope: Scope, signal: AbortSignal): Promise<AgentBody> =>
  get(`agents/${encodeURIComponent(name)}`, scope, signal);

export async function fetchTools(scope: Scope, signal: AbortSignal): Promise<Tool[]> {
  return (await get<{ tools: Tool[] }>("tools", scope, signal)).tools;
}

export async function fetchModels(scope: Scope, signal: AbortSignal): Promise<Model[]> {
  return (await get<{ models: Model[] }>("models", scope, signal)).models;
}
