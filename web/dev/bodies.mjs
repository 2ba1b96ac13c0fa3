// The bodies that the mock server answers with, made from the host of world.mjs. Not shipped.
//
// MOCK_HISTORY seconds of history (9 days) · MOCK_ALERT=1 an alert fires 5 s after the start ·
// MOCK_BASELINE=0 none at the start · MOCK_NOISY=1 regressed and improved tiles.
import { cpu, disk, GIB, HOST, load, memory, MIB, network, PROCESSES } from "./world.mjs";
import { processCpu, processMemory, resolve } from "./world.mjs";

const HISTORY = Number(process.env.MOCK_HISTORY ?? 9 * 86400 + 4321);
export const now = () => Date.now() / 1000;
const started = now();
const begins = Math.floor(started - HISTORY);
const alertFrom = process.env.MOCK_ALERT === "1" ? started + 3 : Infinity;
const pastFrom = started - 5400;
const busy = (t) => t >= alertFrom || (t >= pastFrom && t < pastFrom + 260);
export const rfc = (t) => new Date(t * 1000).toISOString();

export const seconds = (value, fallback) => {
  if (value === undefined || value === null) return fallback;
  if (/^[\d.]+$/.test(String(value))) return Number(value);
  const units = { s: 1, m: 60, h: 3600, d: 86400 };
  let total = 0;
  for (const [, n, unit] of String(value).matchAll(/([\d.]+)([smhd])/g)) total += n * units[unit];
  return total || fallback;
};

export function series(query, from, to) {
  const step = seconds(query.step, 1);
  const first = Math.ceil(Math.max(from, begins) / step) * step;
  return resolve(query.match, busy).map(({ name, labels, value, every = 1 }) => {
    const points = [];
    for (let t = first; t + step <= to + 0.001; t += step) {
      if (t % Math.max(step, every)) continue;
      const n = Math.min(5, step);
      let sum = 0;
      for (let i = 0; i < n; i++) sum += value(t + (i * step) / n);
      points.push([t, query.agg === "count" ? step : sum / n]);
    }
    return { name, labels, kind: "gauge", unit: "", points };
  });
}

// The figures of the tiles.
const TILES = [
  ["cpu", "CPU", "cpu_usage_percent", "%", (t) => 100 * (1 - cpu(t, busy).idle)],
  [
    "memory",
    "Memory",
    "memory_usage_percent",
    "%",
    (t) => (100 * memory(t).used) / HOST.memory_bytes,
  ],
  ["load", "Load", "node_load1", "", (t) => load(t, busy)],
  ["disk", "Disk busy", "node_disk_io_time_seconds_total", "%", (t) => disk(t).write / 8e5],
  [
    "network",
    "Network",
    "node_network_receive_bytes_total",
    "By/s",
    (t) => network(t).transmit + network(t).receive,
  ],
  ["space", "Disk used", "disk_usage_percent", "%", (t) => 61.2 + (t - started) / 1e5],
];

function sample(value, from, to, n) {
  const start = Math.max(from, begins);
  return Array.from({ length: n }, (_, i) => {
    const t = start + ((to - start) * (i + 1)) / n;
    return [Math.round(t), value(t)];
  });
}
const mean = (points) => points.reduce((sum, [, v]) => sum + v, 0) / points.length;
const quantile = (points, q) =>
  points.map(([, v]) => v).sort((a, b) => a - b)[Math.floor(q * (points.length - 1))];

export let baselines = [];
export function makeBaseline(name, from, to) {
  const version =
    1 + Math.max(0, ...baselines.filter((b) => b.name === name).map((b) => b.version));
  const metrics = TILES.map(([, , metric, unit, value]) => {
    const points = sample(value, from, to, 300);
    const q = (p) => quantile(points, p);
    return {
      metric,
      labels: { source: "system" },
      unit,
      kind: "gauge",
      n: 300,
      effective_n: 41,
      mean: mean(points),
      stddev: 1,
      median: q(0.5),
      p5: q(0.05),
      p95: q(0.95),
      p99: q(0.99),
      min: q(0),
      max: q(1),
    };
  });
  const made = {
    name,
    version,
    created_at: rfc(now()),
    valid: true,
    invalid_reason: null,
    from: rfc(from),
    to: rfc(to),
    metrics,
  };
  baselines = [...baselines.filter((b) => b.name !== name), made];
  return made;
}
if (process.env.MOCK_BASELINE !== "0") makeBaseline("default", started - 86400, started - 600);

const ANSWERS =
  process.env.MOCK_NOISY === "1"
    ? ["regressed", "stable", "inconclusive", "stable", "improved", "stable"]
    : TILES.map(() => "stable");
const CHANGES = {
  regressed: [18.2, 12.1, 24.4],
  stable: [0.8, -1.9, 2.7],
  inconclusive: [4.1, -3, 11.4],
  improved: [-9.3, -12.2, -6.1],
};

export function verdicts() {
  return (baselines[0]?.metrics ?? []).map(({ metric, unit }, i) => {
    const answer = ANSWERS[i];
    const [change_percent, low, high] = CHANGES[answer];
    return {
      id: `v${i}`,
      target: HOST.name,
      metric,
      answer,
      leaning: answer === "inconclusive" ? "up" : null,
      severity: answer === "regressed" ? "info" : null,
      change_percent,
      change: 1.2,
      unit,
      interval: [low, high],
      level: 0.95,
      quantiles: null,
      method: "Welch with effective sample size",
      p_value: 0.01,
      effect: { name: "Hedges g", value: 0.4, class: "small" },
      n: [300, 300],
      effective_n: [41, 38],
      margin_percent: i < 2 ? 3 : 5,
      needs_more: answer === "inconclusive" ? "6m" : null,
      windows: {},
      evidence: null,
    };
  });
}

export function alerts() {
  const past = {
    id: "1",
    rule: "high_cpu",
    state: "resolved",
    severity: "warning",
    value: 91.4,
    threshold: 80,
    unit: "%",
    started_at: rfc(pastFrom + 20),
    ended_at: rfc(pastFrom + 270),
    labels: { instance: HOST.name },
    message: "CPU is 91.4 % (limit 80 %); most of it is uvicorn (pid 1204, 612 %)",
  };
  const list = [past];
  if (now() > alertFrom + 2) {
    list.unshift({
      ...past,
      id: "2",
      state: "firing",
      value: 93.1,
      started_at: rfc(alertFrom + 2),
      ended_at: null,
      message: "CPU is 93.1 % (limit 80 %); most of it is uvicorn (pid 1204, 624 %)",
    });
  }
  return list;
}
export const RULES = [
  {
    name: "high_cpu",
    metric: "cpu_usage_percent",
    condition: "avg > 80 %",
    window: "1m",
    severity: "warning",
  },
  {
    name: "high_memory",
    metric: "memory_usage_percent",
    condition: "avg > 85 %",
    window: "1m",
    severity: "critical",
  },
];

const figures = ([cpu, memory]) =>
  `CPU ${cpu.value.toFixed(1)} %, memory ${memory.value.toFixed(1)} %`;

export function dashboard(window) {
  const t = Math.floor(now());
  const checks = verdicts();
  const tiles = TILES.map(([id, title, metric, unit, value], i) => {
    const b = baselines[0]?.metrics[i];
    return {
      id,
      title,
      metric,
      value: value(t),
      unit,
      avg_1h: mean(sample(value, t - 3600, t, 120)),
      avg_24h: mean(sample(value, t - 86400, t, 240)),
      baseline: b
        ? {
            name: "default",
            version: baselines[0].version,
            low: b.p5,
            high: b.p95,
            median: b.median,
          }
        : null,
      verdict: checks[i] ?? null,
      trend: sample(value, t - window, t, 90),
    };
  });
  const firing = alerts().filter((alert) => alert.state === "firing");
  const rows = PROCESSES.map((p, i) => ({
    pid: p.pid,
    name: p.name,
    cpu_percent: 100 * processCpu(i, t - (t % 5), busy),
    resident_bytes: Math.round(processMemory(i, t)),
  }));
  const top = {
    cpu: [...rows].sort((a, b) => b.cpu_percent - a.cpu_percent),
    memory: [...rows].sort((a, b) => b.resident_bytes - a.resident_bytes),
  };
  const state = firing.length
    ? {
        level: "warning",
        sentence: `CPU is high on ${HOST.name}: uvicorn takes most of it.`,
        detail: "93.1 % over the last minute (limit 80 %); memory 38 %.",
      }
    : {
        level: "ok",
        sentence: `All is well on ${HOST.name}.`,
        detail: `No alert since ${rfc(pastFrom + 270).slice(11, 16)}; ${figures(tiles)}.`,
      };
  return {
    schema: 1,
    time: rfc(t),
    host: { ...HOST, boot_time: rfc(started - 20 * 86400) },
    state,
    tiles,
    alerts: firing,
    findings: checks.filter((v) => v.answer !== "stable"),
    annotations: [],
    top,
    self: {
      version: "0.1.0",
      series: 1412,
      samples_per_second: 405,
      resident_bytes: 32 * MIB + Math.floor(now() % 7) * 40960,
      cpu_percent: 0.31,
      disk_bytes: GIB / 9,
      uptime_seconds: t - started,
      oldest: rfc(begins),
    },
  };
}
