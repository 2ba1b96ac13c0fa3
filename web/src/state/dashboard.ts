/**
 * The page's summary: state sentence, tiles, alerts, top processes, our own cost.
 *
 * `dashboard` is always the newest; `shownDashboard` stands still while the view is paused, so
 * that a paused page does not change under the reader's eyes.
 */
import { computed, effect, signal } from "@preact/signals";

import { fetchSeries } from "../api/client";
import type { Dashboard } from "../api/types";
import { serverNow, subscribe } from "./connection";
import { dataFrom, live, request, zoomed } from "./view";

export const dashboard = signal<Dashboard | null>(null);
export const shownDashboard = signal<Dashboard | null>(null);

/** A metric every host has, asked for where history begins. */
const PROBE = { match: "node_memory_MemTotal_bytes", agg: "count", by: [] };
const DAY = 86_400;

const trendWindow = computed(() => {
  const wanted = request.value;
  if (!wanted) return 300;
  return wanted.kind === "live" ? wanted.window : 300;
});

function accept(body: Dashboard): void {
  dashboard.value = body;
  const paused = !live.peek() && !zoomed.peek();
  if (!paused || shownDashboard.peek() === null) shownDashboard.value = body;
}

/** Finds the first sample in two steps: its day, then its minute. */
async function findDataFrom(): Promise<void> {
  const now = Math.ceil(serverNow());
  const days = await fetchSeries(PROBE, { from: now - 3650 * DAY, to: now, step: DAY });
  const first = Math.min(...days.map((series) => series.points[0]?.[0] ?? Infinity));
  if (!Number.isFinite(first)) return;
  const from = first - DAY;
  const range = { from, to: Math.min(now, first + DAY), step: 60 };
  const minutes = await fetchSeries(PROBE, range);
  const found = Math.min(...minutes.map((series) => series.points[0]?.[0] ?? Infinity));
  if (Number.isFinite(found)) dataFrom.value = found;
}

export function startDashboard(): void {
  effect(() => {
    const window = `${trendWindow.value}s`;
    return subscribe({ dashboard: { window } }, (message) => {
      if (message.type === "dashboard") accept(message.body);
    });
  });
  effect(() => {
    if (live.value && dashboard.peek()) shownDashboard.value = dashboard.peek();
  });
  const probe = (): void => {
    if (dataFrom.peek() !== null) return;
    findDataFrom()
      .catch(() => undefined)
      .finally(() => setTimeout(probe, 5000));
  };
  probe();
}
