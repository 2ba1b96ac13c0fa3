/**
 * Which page is open, on what, and which stretch of time it shows; all of it lives in the address.
 *
 * The address after `#` is the only truth: every change goes through it, so that the back button,
 * a reload and a shared link all give the same view. `#/alerts?range=1h`,
 * `#/services/checkout?range=1h&sort=p95`.
 */
import { computed, signal } from "@preact/signals";

import { formatAddress, parseAddress } from "./address";
import type { Address, Own, Page } from "./address";
import { clock, intervalSeconds, serverNow } from "./connection";
import { neighbour, requestFor, roundedExtent, shownWindow } from "./range";
import type { RangeKey, View } from "./range";

export type { Own, Page } from "./address";

const address = signal<Address>(parseAddress(location.hash));

export const page = computed(() => address.value.page);
/** What the page is about: the name behind its own, decoded; null where there is none. */
export const subject = computed(() => address.value.subject);
/** What a page keeps in the address beside page and time. */
export const own = computed(() => address.value.own);
const viewText = computed(() => JSON.stringify(address.value.view));
/** Changes only when the time shown does. */
export const view = computed(() => JSON.parse(viewText.value) as View);

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

/** What a reader has chosen for more than one page. */
function lasting(all: Own): Own {
  return all["compare"] ? { compare: all["compare"] } : {};
}

/** The address of a page with the present view, for links. */
export function pageHref(target: Page, about: string | null = null, with_: Own = {}): string {
  const kept = { ...lasting(own.value), ...with_ };
  return formatAddress({ page: target, subject: about, own: kept, view: view.value });
}

export function openPage(target: Page): void {
  go({ page: target, subject: null, own: lasting(own.peek()), view: view.peek() });
}

/** Changes what the page keeps in the address; an empty text takes a key away. */
export function setOwn(changes: Own): void {
  go(changed(changes));
}

function changed(changes: Own): Address {
  const merged = { ...own.peek(), ...changes };
  const kept = Object.entries(merged).filter(([, text]) => text !== "");
  return { ...address.peek(), own: Object.fromEntries(kept) };
}

/** The same without a step for the back button: what follows a key held down. */
export function settleOwn(changes: Own): void {
  const text = formatAddress(changed(changes));
  history.replaceState(null, "", text);
  address.value = parseAddress(text);
}

function show(next: View): void {
  go({ ...address.peek(), view: next });
}

export function setRange(range: RangeKey): void {
  show({ range, from: null, to: null });
}

export function moveRange(by: number): void {
  setRange(neighbour(view.peek().range, by));
}

export function zoom(from: number, to: number): void {
  if (to - from < 2) return;
  show({ range: view.peek().range, from, to });
}

/** Back to the moving end of the chosen range. */
export function resume(): void {
  setRange(view.peek().range);
}

export function togglePause(): void {
  if (!live.peek()) return resume();
  const { range } = view.peek();
  show({ range, from: null, to: liveEnd.peek() });
}

export function startView(): void {
  const follow = (): void => {
    address.value = parseAddress(location.hash);
  };
  window.addEventListener("popstate", follow);
  window.addEventListener("hashchange", follow);
}
