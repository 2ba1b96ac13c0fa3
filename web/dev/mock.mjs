// A stand-in for the server that speaks docs/api.md with the made-up host of world.mjs. For
// development (`npm run mock` beside `npm run dev`) and for the browser test; not shipped.
//
// MOCK_PORT is 8091; what the host does is set in bodies.mjs.
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

import { WebSocketServer } from "ws";

import { alerts, baselines, dashboard, makeBaseline, now, rfc } from "./bodies.mjs";
import { RULES, seconds, series, verdicts } from "./bodies.mjs";
import { shop } from "./shop.mjs";
import { sources } from "./sources.mjs";

const PORT = Number(process.env.MOCK_PORT ?? 8091);
const POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self' ws:";
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};
const dist = new URL("../dist/", import.meta.url).pathname;

function send(response, status, body) {
  response.writeHead(status, {
    "content-type": status < 400 ? "application/json" : "application/problem+json",
  });
  response.end(JSON.stringify(body));
}

function file(path, response) {
  const full = join(dist, normalize(path === "/" ? "/index.html" : path));
  if (!full.startsWith(dist) || !existsSync(full))
    return send(response, 404, { title: "Not found", status: 404 });
  response.writeHead(200, {
    "content-type": TYPES[extname(full)] ?? "application/octet-stream",
    "content-security-policy": POLICY,
  });
  createReadStream(full).pipe(response);
}

function api(path, params, method, body, response) {
  const named = /^baselines\/([^/]+)(\/compare)?$/.exec(path);
  if (path === "metrics") {
    const to = seconds(params.get("to"), now());
    const from = params.has("from")
      ? Number(params.get("from"))
      : to - seconds(params.get("window"), 300);
    const query = {
      match: params.get("match[]"),
      agg: params.get("agg"),
      step: params.get("step"),
    };
    return send(response, 200, { schema: 1, series: series(query, from, to), next: null });
  }
  if (path === "dashboard")
    return send(response, 200, dashboard(seconds(params.get("window"), 300)));
  if (path === "report") {
    response.writeHead(200, { "content-type": TYPES[".html"] });
    return response.end(`<!doctype html><title>Report</title>${params}`);
  }
  if (path === "sources") return send(response, 200, sources());
  if (path === "alerts") return send(response, 200, { schema: 1, alerts: alerts(), rules: RULES });
  if (path === "baselines" && method === "GET")
    return send(response, 200, { schema: 1, baselines });
  if (path === "baselines") {
    const to = now();
    return send(response, 201, makeBaseline(body.name, to - seconds(body.window, 300), to));
  }
  if (named?.[2])
    return send(response, 200, { schema: 1, baseline: baselines[0], verdicts: verdicts() });
  const found = shop(path, params);
  if (found) return send(response, 200, found);
  const detail = found === null ? `nothing is known of ${path}` : `no such path: ${path}`;
  return send(response, 404, { title: "Not found", status: 404, detail });
}

const server = createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  // What the browser test sends is what the mock shows already.
  if (url.pathname === "/v1/traces") return send(response, 200, {});
  if (!url.pathname.startsWith("/api/performance/")) return file(url.pathname, response);
  let text = "";
  request.on("data", (chunk) => (text += chunk));
  request.on("end", () => {
    const path = url.pathname.slice("/api/performance/".length);
    api(path, url.searchParams, request.method, text ? JSON.parse(text) : {}, response);
  });
});

const sockets = new WebSocketServer({ server, path: "/ws" });
sockets.on("connection", (socket) => {
  const subscriptions = new Map();
  const tell = (message) => socket.send(JSON.stringify(message));
  tell({ type: "hello", version: "0.1.0", interval: 1, time: rfc(now()) });
  socket.on("message", (text) => {
    const { type, id, query, dashboard: summary } = JSON.parse(text);
    if (type === "unsubscribe") return subscriptions.delete(id);
    const to = now();
    if (query) {
      subscriptions.set(id, { query, sent: to });
      tell({ type: "data", id, series: series(query, to - seconds(query.window, 300), to) });
    } else {
      subscriptions.set(id, { window: seconds(summary.window, 300) });
      tell({ type: "dashboard", id, body: dashboard(seconds(summary.window, 300)) });
    }
  });
  const timer = setInterval(() => {
    const to = now();
    for (const [id, subscription] of subscriptions) {
      if (!subscription.query) {
        tell({ type: "dashboard", id, body: dashboard(subscription.window) });
        continue;
      }
      const step = seconds(subscription.query.step, 1);
      const fresh = series(subscription.query, subscription.sent - step, to).filter(
        (s) => s.points.length,
      );
      subscription.sent = to;
      if (fresh.length) tell({ type: "append", id, series: fresh });
    }
  }, 1000);
  socket.on("close", () => clearInterval(timer));
});

server.listen(PORT, "127.0.0.1", () => console.log(`mock on http://127.0.0.1:${PORT}`));
