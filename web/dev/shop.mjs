// The mock's answers about services, agents and traces: a small shop with one slow endpoint, a
// database that is asked in a loop, an agent, and a trace of 100 000 spans. Not shipped.
import { now, rfc } from "./bodies.mjs";

export const BIG = "f".repeat(32);
const BIG_SPANS = 100_000;
const SMALL = "0af7651916cd43dd8448eb211c80319c";
const LONG = "TheServiceWhoseNameHasNoPlaceToBreakAtAllAndThatIsLongerThanAnyTelephoneIsWideByFar";

function stats(rate, p50, errorRate = 0, window = 300) {
  const count = Math.round(rate * window);
  const errors = Math.round(count * errorRate);
  return {
    count,
    errors,
    error_rate: count ? errors / count : null,
    rate,
    total: count * p50 * 1.3,
    min: p50 / 3,
    mean: p50 * 1.3,
    max: p50 * 9,
    p50,
    p90: p50 * 2.2,
    p95: p50 * 3,
    p99: p50 * 5,
    p99_9: p50 * 8,
    relative_error: 0.0054,
    bounds: null,
    source: "spans",
  };
}
const measured = (rate, p50, errorRate) => ({
  stats: stats(rate, p50, errorRate),
  previous: stats(rate * 0.93, p50 * 0.9, errorRate),
});
const range = () => ({ from: rfc(now() - 300), to: rfc(now()), previous: null });
const seen = () => ({ last_seen: rfc(now() - 2) });

const row = (name, kinds, endpoints, ...figures) => ({
  name,
  kinds,
  ...measured(...figures),
  endpoints,
  overflow: 0,
  source: "spans",
  ...seen(),
});
const services = () => [
  row("shop", ["http", "database", "messaging"], 3, 42.1, 0.031, 0.034),
  row("catalog", ["http", "database"], 2, 180, 0.0041),
  row(LONG, ["rpc", "websocket"], 1, 0.02, 1.2),
  row("", ["messaging"], 1, 3.1, 0.009),
];

const size = { count: 900, mean: 1800, p50: 1500, p95: 6000, max: 12_000 };
const endpoint = (name, rate, p50, errorRate = 0) => ({
  name,
  method: name.split(" ")[0],
  route: name.split(" ")[1],
  kind: "http",
  ...measured(rate, p50, errorRate),
  statuses: errorRate ? { 200: 1200, 502: 41 } : { 200: 1241 },
  error_types: errorRate ? { PaymentDeclined: 41 } : {},
  request_bytes: size,
  response_bytes: size,
  exemplars: [
    { trace_id: SMALL, value: p50 * 9, time: rfc(now() - 60), failed: errorRate > 0 },
    { trace_id: BIG, value: p50, time: rfc(now() - 3), failed: false },
  ],
});
const used = (input, cost) => ({
  tokens: {
    input,
    output: input / 9,
    cache_read: input * 0.6,
    cache_creation: null,
    reasoning: input / 40,
  },
  cost,
  currency: "USD",
});
const agents = () => [
  {
    name: "clerk",
    service: "shop",
    services: ["shop"],
    ...measured(0.4, 2.1, 0.05),
    ...used(1_640_000, 3.1),
    inference_calls: { mean: 2.3, p95: 4 },
    tool_calls: { mean: 1.4, p95: 3 },
    ...seen(),
  },
];
const tools = () =>
  ["look", "refund"].map((name, i) => ({
    name,
    service: "shop",
    kind: i ? "mcp" : "tool",
    agents: ["clerk"],
    ...measured(0.3, 0.12, i * 0.04),
  }));
const model = (name, cost) => ({
  name,
  provider: "openai",
  operations: ["chat"],
  services: ["shop"],
  ...measured(0.9, 0.9),
  ...used(1_640_000, cost),
  time_to_first_chunk: { p50: 0.2, p95: 0.43 },
});
const models = () => [model("gpt-4o-mini", 3.1), model("a-model-of-our-own", null)];
const databases = () => [
  {
    system: "postgresql",
    namespace: "shop",
    service: "shop",
    ...measured(410, 0.0021),
    queries: ["SELECT items", "SELECT stock", "INSERT orders"].map((name, i) => ({
      name,
      collection: name.split(" ")[1],
      operation: name.split(" ")[0],
      ...measured(390 / (1 + 40 * i), 0.0021),
    })),
    queries_more: 0,
  },
];
const websockets = () => [
  {
    service: "shop",
    route: "/live/{id}",
    active: 41,
    connections: measured(0.1, 61),
    received: 12_040,
    sent: 118_204,
    errors: 3,
  },
];

function service(name) {
  const found = services().find((one) => one.name === name);
  if (!found) return null;
  const average = { mean: 0.04, rate: 40, error_rate: 0.031 };
  return {
    ...found,
    range: range(),
    error_rate_5m: found.stats.error_rate,
    averages: { "1h": average, "24h": average },
    endpoints: [
      endpoint("GET /orders/{id}", 31, 0.09),
      endpoint("POST /checkout", 9, 0.14, 0.12),
      endpoint("GET /cart", 2, 0.011),
    ],
    endpoints_more: 0,
    dependencies: [
      { kind: "database", name: "postgresql/shop", ...measured(410, 0.0021) },
      { kind: "http", name: "pay.example.com", ...measured(9, 0.1, 0.12) },
    ],
    dependencies_more: 0,
    agents: agents(),
    tools: tools(),
    models: models(),
    databases: databases(),
    websockets: websockets(),
    sizes: { request: size, response: size },
  };
}

function map() {
  const edge = (client, server, kind, failed = 0) => ({
    client,
    server,
    kind,
    count: 1000,
    failed,
    rate: 3.3,
    p50: 0.01,
    p95: 0.03,
  });
  const node = (name, kind) => ({ name, kind, stats: stats(3.3, 0.01) });
  return {
    nodes: [
      { name: "user", kind: "service", stats: null },
      ...services().map(({ name, stats: own }) => ({ name, kind: "service", stats: own })),
      node("postgresql/shop", "database"),
      node("pay.example.com", "external"),
    ],
    edges: [
      edge("user", "shop", "service", 34),
      edge("shop", "catalog", "service"),
      edge("catalog", "shop", "service"),
      edge("shop", "postgresql/shop", "database"),
      edge("catalog", "postgresql/shop", "database"),
      edge("shop", "pay.example.com", "external", 120),
    ],
    more: 0,
  };
}

const began = now() - 90;

function span(id, parent, name, at, duration, more = {}) {
  return {
    trace_id: SMALL,
    span_id: id,
    parent_id: parent,
    pending: false,
    name,
    operation: name,
    service: "shop",
    kind: parent ? "client" : "server",
    start: rfc(began + at),
    duration,
    status: "unset",
    status_message: "",
    scope: "mock",
    attributes: { "db.query.text": "SELECT … WHERE id = $1", row: 7 },
    resource: { "service.name": "shop", "service.version": "1.4" },
    events: [],
    links: [],
    depth: parent ? 1 : 0,
    self_seconds: duration,
    on_critical_path: true,
    oddity: null,
    oddity_seconds: null,
    ...more,
  };
}

const hex = (n) => n.toString(16).padStart(16, "0");

function small() {
  const failed = { status: "error", status_message: "PaymentDeclined: the issuer is silent" };
  return [
    span(hex(1), null, "GET /orders/{id}", 0, 0.12, { self_seconds: 0.02, ...failed }),
    ...Array.from({ length: 12 }, (_, i) =>
      span(hex(i + 2), hex(1), "SELECT items", 0.004 + i * 0.007, 0.006),
    ),
    span(hex(20), hex(1), "POST /v1/charges", 0.09, 0.02, failed),
    span(hex(21), hex(99), "send orders", 0.2, 0.01, { oddity: "orphan", service: LONG }),
  ];
}

/** The `n`th span of the large trace: a root, a hundred chunks, and what they do. */
function ofBig(n) {
  if (n === 0) return span(hex(1), null, "reindex", 0, 60, { service: "catalog" });
  const chunk = Math.floor((n - 1) / 1000);
  const first = (n - 1) % 1000 === 0;
  const parent = first ? hex(1) : hex(2 + chunk * 1000);
  const at = (60 * n) / BIG_SPANS;
  const more = n % 997 === 0 ? { status: "error" } : {};
  return span(
    hex(n + 1),
    parent,
    first ? `chunk ${chunk}` : "SELECT items",
    at,
    first ? 0.6 : 5e-4,
    {
      service: "catalog",
      ...more,
    },
  );
}

function page(id, params) {
  const from = Number(params.get("cursor") ?? 0);
  const limit = Number(params.get("limit") ?? 5000);
  const oddities = {
    cycles: 0,
    duplicates: 0,
    orphans: id === SMALL ? 1 : 0,
    begin_before_parent: 0,
    skew_seconds: 0,
    outlive_parent: 0,
  };
  if (id === SMALL) return { trace_id: id, spans: small(), oddities, next: null };
  const to = Math.min(BIG_SPANS, from + limit);
  const spans = Array.from({ length: to - from }, (_, i) => ofBig(from + i));
  return { trace_id: id, spans, oddities, next: to < BIG_SPANS ? String(to) : null };
}

function calls(traces) {
  const call = (name, count, total, self, children = []) => ({
    name,
    service: "shop",
    kind: "client",
    count: count * traces,
    per_trace: count,
    total_seconds: total * traces,
    self_seconds: self * traces,
    critical_seconds: self * traces,
    p50: total / count,
    p99: (3 * total) / count,
    relative_error: 0.0054,
    errors: name.startsWith("POST") ? traces : 0,
    children,
  });
  const below = [call("SELECT items", 12, 0.072, 0.072), call("POST /v1/charges", 1, 0.02, 0.02)];
  return {
    traces,
    runs: traces,
    spans: traces * 15,
    cut: false,
    tree: [call("GET /orders/{id}", 1, 0.12, 0.028, below)],
    findings: [
      {
        kind: "n_plus_one",
        calls: 12,
        calls_per_trace: 12,
        traces,
        in_turn: 1,
        share: 0.6,
        seconds: 0.072 * traces,
        suggestion:
          "Each `GET /orders/{id}` calls `SELECT items` 12 times, one after the other: 60 % of " +
          "its time. Ask for all of it in one call.",
      },
    ],
  };
}

function traces(params) {
  const all = [
    ["shop", "GET /orders/{id}", SMALL, 0.21, 15, 2],
    ["catalog", "reindex", BIG, 60, BIG_SPANS, 100],
  ];
  return all
    .filter(([name]) => [null, name].includes(params.get("service")))
    .map(([name, operation, trace_id, duration, spans, errors]) => ({
      trace_id,
      root: { service: name, name: operation, operation },
      start: rfc(began),
      duration,
      spans,
      errors,
      services: [name, LONG],
      matched: spans,
    }));
}

/** The answer to one of these paths; undefined where it is none of them, null where not known. */
export function shop(path, params) {
  const [first, name, last] = path.split("/").map(decodeURIComponent);
  const list = { agents, tools, models, databases, websockets, services }[first];
  if (list && name === undefined) return { schema: 1, range: range(), [first]: list(), more: 0 };
  if (first === "map") return { schema: 1, range: range(), ...map() };
  if (first === "services") return service(name);
  if (first === "agents") {
    const runs = [{ trace_id: SMALL, start: rfc(began), duration: 2.1, failed: true }];
    const found = agents().find((one) => one.name === name);
    const uses = tools().map((tool) => ({ ...tool, uses: 41 }));
    return found ? { ...found, range: range(), tools: uses, models: models(), runs } : null;
  }
  if (first === "calls") return { schema: 1, ...calls(100) };
  if (first !== "traces") return undefined;
  if (name === undefined) return { schema: 1, traces: traces(params) };
  if (name !== SMALL && name !== BIG) return null;
  return { schema: 1, ...(last === "calls" ? calls(1) : page(name, params)) };
}
