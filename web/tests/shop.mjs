// Sends what a small shop does, as spans over OTLP/JSON, so that the pages about services, agents
// and traces have something known to show: requests, a query in a loop, a failure, an agent, and
// one large trace.
import { randomBytes } from "node:crypto";

const REQUESTS = 40;
const FAILED = 4;
export const QUERIES = 12;
export const LARGE_SPANS = 20_000;
const BATCH = 5000;

const id = (bytes) => randomBytes(bytes).toString("hex");
const KINDS = { internal: 1, server: 2, client: 3 };
const nanos = (seconds) => String(BigInt(Math.round(seconds * 1e6)) * 1000n);

function attributes(held) {
  return Object.entries(held).map(([key, value]) => ({
    key,
    value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value },
  }));
}

function span(traceId, parentSpanId, name, kind, start, seconds, held = {}, failed = "") {
  return {
    traceId,
    spanId: id(8),
    ...(parentSpanId ? { parentSpanId } : {}),
    name,
    kind: KINDS[kind],
    startTimeUnixNano: nanos(start),
    endTimeUnixNano: nanos(start + seconds),
    attributes: attributes(held),
    status: failed ? { code: 2, message: failed } : {},
  };
}

function request(start, failed) {
  const trace = id(16);
  const root = span(trace, null, "GET /orders/{id}", "server", start, 0.12, {
    "http.request.method": "GET",
    "http.route": "/orders/{id}",
    "http.response.status_code": failed ? 502 : 200,
  });
  if (failed) root.status = { code: 2, message: "PaymentDeclined" };
  const queries = Array.from({ length: QUERIES }, (_, i) =>
    span(trace, root.spanId, "SELECT items", "client", start + 0.004 + i * 0.007, 0.006, {
      "db.system.name": "postgresql",
      "db.namespace": "shop",
      "db.query.summary": "SELECT items",
      row: i,
    }),
  );
  return [root, ...queries];
}

function run(start) {
  const trace = id(16);
  const agent = span(trace, null, "invoke_agent clerk", "internal", start, 1.5, {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "clerk",
  });
  const chat = span(trace, agent.spanId, "chat gpt-4o-mini", "client", start + 0.01, 0.9, {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 80,
  });
  const tool = span(trace, agent.spanId, "execute_tool look", "internal", start + 1, 0.2, {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "look",
  });
  return [agent, chat, tool];
}

function large(start) {
  const trace = id(16);
  const root = span(trace, null, "reindex", "internal", start, 20);
  const spans = [root];
  let chunk = root;
  while (spans.length < LARGE_SPANS) {
    const at = start + (20 * spans.length) / LARGE_SPANS;
    const first = spans.length % 1000 === 1;
    const made = span(
      trace,
      (first ? root : chunk).spanId,
      first ? "chunk" : "step",
      "internal",
      at,
      0.001,
    );
    if (first) chunk = made;
    spans.push(made);
  }
  return spans;
}

async function post(base, service, spans) {
  const resource = { attributes: attributes({ "service.name": service }) };
  const body = { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "test" }, spans }] }] };
  const response = await fetch(new URL("/v1/traces", base), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`spans are refused: ${response.status}`);
}

/** Sends all of it, as of the last few seconds. */
export async function sendShop(base) {
  const now = Date.now() / 1000;
  const requests = Array.from({ length: REQUESTS }, (_, i) =>
    request(now - 20 + i / 4, i < FAILED),
  );
  await post(base, "shop", [...requests.flat(), ...run(now - 8), ...run(now - 5)]);
  const spans = large(now - 30);
  for (let at = 0; at < spans.length; at += BATCH) {
    await post(base, "catalog", spans.slice(at, at + BATCH));
  }
}
