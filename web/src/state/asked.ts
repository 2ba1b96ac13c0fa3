/**
 * An answer that belongs to the stretch of time shown: asked for again when that changes, and from
 * time to time while the view is live.
 *
 * 1. Until the new answer is there the old one stays, marked as busy, so that nothing flickers.
 * 2. An answer that comes too late for its question is dropped.
 */
import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import type { Scope } from "../api/services";
import { wordsOf, type Answered } from "../components/remote";
import { own, request } from "./view";

/** What a window is compared with. */
export const COMPARISONS = [
  { key: "previous", label: "just before", title: "The window of the same length just before" },
  { key: "24h", label: "a day ago", title: "The same window a day ago" },
  { key: "7d", label: "a week ago", title: "The same window a week ago" },
] as const;

/** Short windows are asked for more often than long ones, within these bounds, in seconds. */
const POLL_SECONDS_MIN = 5;
const POLL_SECONDS_MAX = 60;
const POLLS_A_WINDOW = 120;

export const comparison = computed(
  () => COMPARISONS.find(({ key }) => key === own.value["compare"])?.key ?? "previous",
);

/** Where the window begins and ends, as the server is asked; null while that is not known. */
export function windowParams(): Scope | null {
  const wanted = request.value;
  if (!wanted) return null;
  if (wanted.kind === "live") return new URLSearchParams({ window: `${wanted.window}s` });
  return new URLSearchParams({ from: String(wanted.from), to: String(wanted.to) });
}

/** The same with what it is compared with. */
export function scopeParams(): Scope | null {
  const scope = windowParams();
  scope?.set("compare", comparison.value);
  return scope;
}

/** A list of what is newest stands still under the pointer, lest a click meets another row. */
function held(): boolean {
  return document.querySelector("[data-holds]:hover") !== null;
}

function pollSeconds(): number | null {
  const wanted = request.value;
  if (wanted?.kind !== "live") return null;
  return Math.min(POLL_SECONDS_MAX, Math.max(POLL_SECONDS_MIN, wanted.window / POLLS_A_WINDOW));
}

/**
 * Asks `fetcher` with the parameters that `params` makes of the view, and again when they change
 * or time has passed. `fetcher` and `params` must stay the same while the component does.
 */
export function useAsked<T>(
  fetcher: (scope: Scope, signal: AbortSignal) => Promise<T>,
  params: () => Scope | null = scopeParams,
): ReadonlySignal<Answered<T>> {
  const state = useMemo(
    () => signal<Answered<T>>({ value: null, error: null, busy: true }),
    [fetcher],
  );
  useEffect(() => {
    const question = computed(() => params()?.toString() ?? null);
    const seconds = computed(pollSeconds);
    return effect(() => {
      if (question.value === null) return undefined;
      const scope = new URLSearchParams(question.value);
      const abort = new AbortController();
      const ask = async (): Promise<void> => {
        try {
          const value = await fetcher(scope, abort.signal);
          if (!abort.signal.aborted) state.value = { value, error: null, busy: false };
        } catch (cause) {
          if (abort.signal.aborted) return;
          state.value = { ...state.peek(), error: wordsOf(cause), busy: false };
        }
      };
      state.value = { ...state.peek(), busy: true };
      let asking = true;
      void ask().finally(() => (asking = false));
      const again = (): void => {
        if (document.hidden || asking || held()) return;
        asking = true;
        void ask().finally(() => (asking = false));
      };
      const timer = seconds.value === null ? 0 : setInterval(again, seconds.value * 1000);
      return () => {
        clearInterval(timer);
        abort.abort();
      };
    });
  }, [fetcher, params, state]);
  return state;
}
