/**
 * The spans of one trace, page by page: the first soon, the rest behind it.
 *
 * 1. Rows are published after every page, in tree order; what has come is always a whole picture of
 *    the trace until the moment its newest span began.
 * 2. Attributes of a few pages are kept; those of others are fetched again when they are looked at.
 */
import { signal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { fetchTracePage, type Oddities, type Span } from "../../api/traces";
import { wordsOf } from "../../components/remote";
import { inTreeOrder, rowOf, type Row } from "./tree";

/** A first page that is soon there, then such as are worth their request. */
const FIRST_SPANS = 1000;
const PAGE_SPANS = 5000;
/** Beyond it no more is fetched; the picture says so. */
export const SPANS_MAX = 500_000;
/** Pages whose attributes are kept. */
const PAGES_KEPT = 4;

export interface Loaded {
  /** In tree order. */
  rows: Row[];
  /** When the first span began, RFC 3339. */
  origin: string;
  oddities: Oddities | null;
  state: "loading" | "whole" | "cut";
  error: string | null;
}

export interface TraceSource {
  loaded: ReadonlySignal<Loaded>;
  /** The span of a row with all it says. */
  details: (row: Row, signal: AbortSignal) => Promise<Span | undefined>;
}

class Loader implements TraceSource {
  readonly loaded = signal<Loaded>({
    rows: [],
    origin: "",
    oddities: null,
    state: "loading",
    error: null,
  });
  private readonly id: string;
  private readonly cursors: (string | null)[] = [];
  private readonly kept = new Map<number, Map<string, Span>>();

  constructor(id: string) {
    this.id = id;
  }

  async load(stop: AbortSignal): Promise<void> {
    const rows: Row[] = [];
    let cursor: string | null = null;
    try {
      do {
        const page = this.cursors.push(cursor) - 1;
        const answer = await this.fetch(page, stop);
        const origin: string = this.loaded.peek().origin || (answer.spans[0]?.start ?? "");
        for (const span of answer.spans) rows.push(rowOf(span, origin, page));
        cursor = answer.next;
        if (stop.aborted) return;
        const full = rows.length >= SPANS_MAX;
        this.loaded.value = {
          rows: inTreeOrder(rows),
          origin,
          oddities: answer.oddities ?? this.loaded.peek().oddities,
          state: cursor === null ? "whole" : full ? "cut" : "loading",
          error: null,
        };
      } while (cursor !== null && rows.length < SPANS_MAX);
    } catch (cause) {
      if (stop.aborted) return;
      this.loaded.value = { ...this.loaded.peek(), state: "cut", error: wordsOf(cause) };
    }
  }

  async details(row: Row, stop: AbortSignal): Promise<Span | undefined> {
    const known = this.kept.get(row.page);
    if (!known) await this.fetch(row.page, stop);
    return this.kept.get(row.page)?.get(row.id);
  }

  private async fetch(page: number, stop: AbortSignal) {
    const limit = page === 0 ? FIRST_SPANS : PAGE_SPANS;
    const answer = await fetchTracePage(this.id, this.cursors[page] ?? null, limit, stop);
    this.kept.set(page, new Map(answer.spans.map((span) => [span.span_id, span])));
    const [oldest] = this.kept.keys();
    if (this.kept.size > PAGES_KEPT && oldest !== undefined) this.kept.delete(oldest);
    return answer;
  }
}

export function useTrace(id: string): TraceSource {
  const loader = useMemo(() => new Loader(id), [id]);
  useEffect(() => {
    const abort = new AbortController();
    void loader.load(abort.signal);
    return () => abort.abort();
  }, [loader]);
  return loader;
}
