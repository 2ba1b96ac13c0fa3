/**
 * The page's summary: state sentence, tiles, alerts, top processes, our own cost.
 *
 * `dashboard` is always the newest; `shownDashboard` stands still while the view is paused, so
 * that a paused page does not change under the reader's eyes.
 */
import { computed, effect, signal } from "@preact/signals";

import type { Dashboard } from "../api/types";
import { parseTime } from "../format";
import { subscribe } from "./connection";
import { dataFrom, live, request, zoomed } from "./view";

export const dashboard = signal<Dashboard | null>(null);
export const shownDashboard = signal<Dashboard | null>(null);

const trendWindow = computed(() => {
  const wanted = request.value;
  if (!wanted) return 300;
  return wanted.kind === "live" ? wanted.window : 300;
});

function accept(body: Dashboard): void {
  dashboard.value = body;
  const oldest = parseTime(body.self.oldest);
  if (oldest !== null) dataFrom.value = oldest;
  const paused = !live.peek() && !zoomed.peek();
  if (!paused || shownDashboard.peek() === null) shownDashboard.value = body;
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
}
