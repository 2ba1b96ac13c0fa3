/**
 * The data behind one chart: a set of series for each of its queries, kept up to date.
 *
 * Live views are subscribed to, fixed ones fetched. Until the new answer is complete the old
 * series stay, marked as loading, so that a chart is never blank while it waits.
 */
import { effect, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { fetchSeries } from "../api/client";
import type { SeriesQuery, ServerMessage } from "../api/types";
import { serverNow, subscribe } from "./connection";
import { coarser, type Request } from "./range";
import { SeriesSet, type Track } from "./series";
import { liveEnd, request } from "./view";

export type FeedStatus = { state: "loading" | "ready" } | { state: "failed"; detail: string };

export interface Feed {
  /** The tracks of each query, in the order of the queries. */
  sets: ReadonlySignal<Track[][]>;
  status: ReadonlySignal<FeedStatus>;
}

/** Live ends seen since the last frame; applied together so that all charts move at once. */
let pendingEnd: number | null = null;
/** Whether `liveEnd` comes from the server yet, rather than from the reader's clock. */
let endKnown = false;

function moveLiveEnd(end: number | null): void {
  if (end === null) return;
  const scheduled = pendingEnd !== null;
  pendingEnd = Math.max(pendingEnd ?? 0, end);
  if (scheduled) return;
  requestAnimationFrame(() => {
    const latest = pendingEnd ?? 0;
    liveEnd.value = endKnown ? Math.max(liveEnd.peek(), latest) : latest;
    endKnown = true;
    pendingEnd = null;
  });
}

class Filling {
  private readonly sets: SeriesSet[];
  private readonly waiting: Set<number>;
  private readonly publish: (sets: SeriesSet[]) => void;

  constructor(count: number, publish: (sets: SeriesSet[]) => void) {
    this.sets = Array.from({ length: count }, () => new SeriesSet());
    this.waiting = new Set(this.sets.keys());
    this.publish = publish;
  }

  take(index: number, change: (set: SeriesSet) => void): void {
    const set = this.sets[index];
    if (!set) return;
    change(set);
    this.waiting.delete(index);
    if (this.waiting.size === 0) this.publish(this.sets);
  }
}

function follow(
  queries: readonly SeriesQuery[],
  wanted: Request & { kind: "live" },
  sets: Signal<Track[][]>,
  status: Signal<FeedStatus>,
): () => void {
  let frame = 0;
  const filling = new Filling(queries.length, (filled) => {
    // Several queries of a chart answer within a millisecond; one drawing is enough for them.
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      sets.value = filled.map((set) => set.tracks());
      status.value = { state: "ready" };
    });
  });
  const receive = (index: number, message: ServerMessage): void => {
    if (message.type === "error") status.value = { state: "failed", detail: message.detail };
    if (message.type !== "data" && message.type !== "append") return;
    filling.take(index, (set) => {
      if (message.type === "data") set.replace(message.series);
      else set.append(message.series, liveEnd.peek() - wanted.window - 2 * wanted.step);
      moveLiveEnd(set.end());
    });
  };
  const stops = queries.map((query, index) =>
    subscribe(
      { query: { ...query, window: `${wanted.window}s`, step: `${wanted.step}s` } },
      (message) => receive(index, message),
    ),
  );
  return () => {
    cancelAnimationFrame(frame);
    for (const stop of stops) stop();
  };
}

function load(
  queries: readonly SeriesQuery[],
  wanted: Request & { kind: "fixed" },
  sets: Signal<Track[][]>,
  status: Signal<FeedStatus>,
): () => void {
  const abort = new AbortController();
  Promise.all(queries.map((query) => fetchSeries(query, wanted, abort.signal)))
    .then((answers) => {
      if (abort.signal.aborted) return;
      sets.value = answers.map((series) => {
        const set = new SeriesSet();
        set.replace(series);
        return set.tracks();
      });
      status.value = { state: "ready" };
    })
    .catch((cause: unknown) => {
      if (abort.signal.aborted) return;
      status.value = { state: "failed", detail: cause instanceof Error ? cause.message : "" };
    });
  return () => abort.abort();
}

/** What programs send of themselves comes in batches, this much later at the most as a rule. */
const LATE_SECONDS = 6;
const POLL_SECONDS_MIN = 5;

/**
 * Keeps asking for whole steps. What is observed arrives late and belongs where it happened, so
 * that a step which was told once, as it ended, would stay too low.
 */
function poll(
  queries: readonly SeriesQuery[],
  { window, step }: Request & { kind: "live" },
  sets: Signal<Track[][]>,
  status: Signal<FeedStatus>,
): () => void {
  let stop: () => void = () => undefined;
  const ask = (): void => {
    if (document.hidden) return;
    stop();
    const to = Math.floor((serverNow() - LATE_SECONDS) / step) * step;
    moveLiveEnd(to);
    stop = load(queries, { kind: "fixed", from: to - window, to, step }, sets, status);
  };
  ask();
  const timer = setInterval(ask, 1000 * Math.max(POLL_SECONDS_MIN, step / 2));
  return () => {
    clearInterval(timer);
    stop();
  };
}

/**
 * Keeps the series of `queries` for the present view, until the component goes; of `points` at
 * most, where they are of what is observed now and then rather than sampled.
 */
export function useFeed(queries: readonly SeriesQuery[], points = Infinity): Feed {
  const { sets, status } = useMemo(
    () => ({
      sets: signal<Track[][]>(queries.map(() => [])),
      status: signal<FeedStatus>({ state: "loading" }),
    }),
    [queries],
  );
  useEffect(
    () =>
      effect(() => {
        const finest = request.value;
        status.value = { state: "loading" };
        if (!finest) return undefined;
        const wanted = coarser(finest, points);
        if (wanted.kind === "fixed") return load(queries, wanted, sets, status);
        const keep = points === Infinity ? follow : poll;
        return keep(queries, wanted, sets, status);
      }),
    [queries, points, sets, status],
  );
  return { sets, status };
}
