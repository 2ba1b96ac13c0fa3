/**
 * Which page is open and which stretch of time it shows; both live in the address.
 *
 * The address after `#` is the only truth: every change goes through it, so that the back button,
 * a reload and a shared link all give the same view. `#/alerts?range=1h`.
 */
import { computed, signal } from "@preact/signals";

import { clock, intervalSeconds, serverNow } from "./connection";
import { neighbour, parseView, requestFor, roundedExtent, shownWindow, viewParams } from "./range";
import type { RangeKey, View } from "./range";

export type Page = "overview" | "alerts" | "sources" | "baselines";

const PAGES: readonly Page[] = ["overview", "alerts", "sources", "baselines"];

interface Address {
  page: Page;
  view: View;
}

function parseAddress(hash: string): Address {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const page = PAGES.find((known) => known === path) ?? "overview";
  return { page, view: parseView(new URLSearchParams(query)) };
}

function formatAddress({ page, view }: Address): string {
  return `#/${page === "overview" ? "" : page}?${viewParams(view)}`;
}

const address = signal<Address>(parseAddress(location.hash));

export const page = computed(() => address.value.page);
export const view = computed(() => address.value.view);

/** Live: the end moves with the clock. */
export const live = computed(() => view.value.to === null);
export const zoomed = computed(() => view.value.from !== null);

/** The earliest sample the server has, once known. */
export const dataFrom = signal<number | null>(null);

/** The latest point any live chart has; the right edge of all of them. */
export const liveEnd = signal(Math.floor(serverNow()));

const extent = computed(() => roundedExtent(dataFrom.value, clock.value));
const requestText = computed(() =>
  JSON.stringify(requestFor(view.value, extent.value, intervalSeconds.value)),
);

/** What charts ask the server for; changes only when the question does. */
export const request = computed(
  () => JSON.parse(requestText.value) as ReturnType<typeof requestFor>,
);

export const shown = computed(() => shownWindow(view.value, liveEnd.value, dataFrom.value));

function go(next: Address): void {
  const text = formatAddress(next);
  if (text === location.hash) return;
  history.pushState(null, "", text);
  address.value = parseAddress(text);
}

/** The address of a page with the present view, for links. */
export function pageHref(target: Page): string {
  return formatAddress({ page: target, view: view.value });
}

export function openPage(target: Page): void {
  go({ page: target, view: view.peek() });
}

export function setRange(range: RangeKey): void {
  go({ page: page.peek(), view: { range, from: null, to: null } });
}

export function moveRange(by: number): void {
  setRange(neighbour(view.peek().range, by));
}

export function zoom(from: number, to: number): void {
  if (to - from < 2) return;
  go({ page: page.peek(), view: { range: view.peek().range, from, to } });
}

/** Back to the moving end of the chosen range. */
export function resume(): void {
  setRange(view.peek().range);
}

export function togglePause(): void {
  if (!live.peek()) return resume();
  const { range } = view.peek();
  go({ page: page.peek(), view: { range, from: null, to: liveEnd.peek() } });
}

export function startView(): void {
  const follow = (): void => {
    address.value = parseAddress(location.hash);
  };
  window.addEventListener("popstate", follow);
  window.addEventListener("hashchange", follow);
}
