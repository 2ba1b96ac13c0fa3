/**
 * The page's summary: state sentence, tiles, alerts, top processes, our own cost.
 *
 * `dashboard` is always the newest; `shownDashboard` stands still while the view is paused, so
 * that a paused page does not change under the reader's eyes.
 */
import { computed, effect, signal } from "@preact/signals";

import { fetchSeries, type SeriesRange } from "../api/client";
import type { Dashboard } from "../api/types";
import { serverNow, subscribe } from "./connection";
import { firstSample } from "./history";
import { dataFrom, live, request, zoomed } from "./view";

export const dashboard = signal<Dashboard | null>(null);
export const shownDashboard = signal<Dashboard | null>(null);

/** A metric every host has, asked for where history begins. */
const PROBE = { match: "node_memory_MemTotal_bytes", agg: "count", by: [] };
const RETRY_MS = 4000;

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

async function firstIn(range: SeriesRange): Promise<number | null> {
  const series = await fetchSeries(PROBE, range);
  const first = Math.min(...series.map(({ points }) => points[0]?.[0] ?? Infinity));
  return Number.isFinite(first) ? first : null;
}

/**
 * Asked once: retention moves the beginning while the page is open, but that much error does no
 * harm. Until it is known, ranges show their whole length.
 */
async function findHistory(): Promise<void> {
  try {
    dataFrom.value = await firstSample(Math.ceil(serverNow()), firstIn);
  } catch {
    // Not reachable yet; the retry below asks again.
  }
  if (dataFrom.peek() === null) setTimeout(() => void findHistory(), RETRY_MS);
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
  void findHistory();
}
