/**
 * The spans of a trace over time. Only rows in sight are in the document, so that 100 000 of them
 * scroll like ten. Moved through by arrows, as any tree is.
 */
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import { shareInWords } from "../../components/measure";
import { groupThousands, text } from "../../format";
import { OTHERS } from "./colors";
import { parentOf, type Row } from "./tree";

const ROW_HEIGHT = 28;
/** Rows drawn beyond either edge. */
const OVERSCAN = 12;
/** Deeper levels are not moved further to the right; a level says so by its number. */
const INDENTS_MAX = 24;
const TICKS = [0, 0.25, 0.5, 0.75, 1];

export interface WaterfallProps {
  /** Those in sight: nothing below a closed one. */
  rows: readonly Row[];
  closed: ReadonlySet<string>;
  chosen: string | null;
  /** Seconds from the first to the last moment of the trace. */
  length: number;
  colors: ReadonlyMap<string, string>;
  onChoose: (id: string) => void;
  onTurn: (id: string, open: boolean) => void;
}

export function Waterfall(props: WaterfallProps) {
  const { rows, closed, chosen, length, colors, onChoose, onTurn } = props;
  const scroller = useRef<HTMLDivElement>(null);
  /** The row at the upper edge: what changes less than a row draws nothing anew. */
  const top = useSignal(0);
  const height = useSignal(600);
  const at = useMemo(() => rows.findIndex(({ id }) => id === chosen), [rows, chosen]);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    const measure = (): void => {
      top.value = Math.floor(element.scrollTop / ROW_HEIGHT);
      height.value = element.clientHeight;
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, [height, top]);
  useEffect(() => {
    if (at >= 0) bringIntoView(scroller.current, at);
  }, [at]);
  const first = Math.max(0, top.value - OVERSCAN);
  const count = Math.ceil(height.value / ROW_HEIGHT) + 2 * OVERSCAN;
  const drawn = rows.slice(first, first + count);
  return (
    <>
      <div class="scale" aria-hidden="true">
        {TICKS.map((tick) => (
          <span key={tick} style={`left: ${tick * 100}%`}>
            {tick === 0 ? "0" : text(tick * length, "s")}
          </span>
        ))}
      </div>
      <div
        ref={scroller}
        class="fall"
        role="tree"
        aria-label="Spans"
        tabIndex={0}
        aria-activedescendant={at >= 0 ? `span-${chosen}` : undefined}
        onKeyDown={(event) => move(event, rows, closed, at, props)}
        data-rows={rows.length}
      >
        <div class="all" style={`height: ${rows.length * ROW_HEIGHT}px`}>
          {drawn.map((row, i) => (
            <SpanRow
              key={row.id + row.start}
              row={row}
              top={(first + i) * ROW_HEIGHT}
              chosen={row.id === chosen}
              open={row.below === 0 ? undefined : !closed.has(row.id)}
              length={length}
              color={colors.get(row.service) ?? OTHERS}
              onChoose={onChoose}
              onTurn={onTurn}
            />
          ))}
        </div>
      </div>
    </>
  );
}

function bringIntoView(element: HTMLElement | null, at: number): void {
  if (!element) return;
  const y = at * ROW_HEIGHT;
  const end = element.scrollTop + element.clientHeight - ROW_HEIGHT;
  if (y < element.scrollTop) element.scrollTop = y;
  else if (y > end) element.scrollTop = y - element.clientHeight + 2 * ROW_HEIGHT;
}

/** Where a key leads from row `at`; null where it does nothing. */
export function target(key: string, rows: readonly Row[], at: number, page: number): number | null {
  const last = rows.length - 1;
  const steps: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: Math.max(0, at - 1),
    PageDown: at + page,
    PageUp: at - page,
    Home: 0,
    End: last,
  };
  const wanted = steps[key];
  return wanted === undefined || last < 0 ? null : Math.min(last, Math.max(0, wanted));
}

function move(
  event: KeyboardEvent & { currentTarget: HTMLElement },
  rows: readonly Row[],
  closed: ReadonlySet<string>,
  at: number,
  { onChoose, onTurn }: WaterfallProps,
): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const page = Math.floor(event.currentTarget.clientHeight / ROW_HEIGHT) - 1;
  let next = target(event.key, rows, at, page);
  const row = rows[at];
  const isOpen = row !== undefined && row.below > 0 && !closed.has(row.id);
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    const right = event.key === "ArrowRight";
    // The range must not change under a reader who moves through the tree.
    event.preventDefault();
    if (!row) next = 0;
    else if (right && isOpen) next = at + 1;
    else if (right && row.below > 0) onTurn(row.id, true);
    else if (!right && isOpen) onTurn(row.id, false);
    else if (!right) next = parentOf(rows, at);
  }
  const found = next === null ? undefined : rows[next];
  if (!found) return;
  event.preventDefault();
  onChoose(found.id);
}

interface SpanRowProps {
  row: Row;
  top: number;
  chosen: boolean;
  /** Undefined where nothing is below it. */
  open: boolean | undefined;
  length: number;
  color: string;
  onChoose: (id: string) => void;
  onTurn: (id: string, open: boolean) => void;
}

function SpanRow({ row, top, chosen, open, length, color, onChoose, onTurn }: SpanRowProps) {
  const from = length > 0 ? row.start / length : 0;
  const share = length > 0 ? (row.duration ?? length - row.start) / length : 0;
  const flags = [
    row.failed && "failed",
    row.critical && "critical",
    row.duration === null && "pending",
    row.odd && "odd",
  ].filter(Boolean);
  return (
    <div
      id={`span-${row.id}`}
      role="treeitem"
      aria-level={row.depth + 1}
      aria-selected={chosen}
      aria-expanded={open}
      aria-label={inWords(row)}
      class={`span ${flags.join(" ")}`}
      style={`top: ${top}px; --c: var(${color}); --depth: ${Math.min(row.depth, INDENTS_MAX)}`}
      onClick={() => onChoose(row.id)}
    >
      <span class="who">
        <span
          class="twist"
          aria-hidden="true"
          onClick={(event) => {
            if (open === undefined) return;
            event.stopPropagation();
            onTurn(row.id, !open);
          }}
        >
          {open === undefined ? "" : "›"}
        </span>
        <span class="name">{row.name}</span>
        {row.failed && <span class="word">failed</span>}
        {open === false && <span class="hidden-count">+{groupThousands(String(row.below))}</span>}
      </span>
      <span class="when">
        <i style={`left: ${pc(from)}; width: ${pc(Math.min(share, 1 - from))}`} />
        <span class="took" style={`left: ${pc(from + share)}`}>
          {row.duration === null ? "still going" : text(row.duration, "s")}
          {row.below > 0 && row.self !== null && <small> own {text(row.self, "s")}</small>}
        </span>
      </span>
    </div>
  );
}

const pc = (share: number): string => `${(100 * Math.min(1, Math.max(0, share))).toFixed(3)}%`;

function inWords(row: Row): string {
  const own =
    row.self !== null && row.duration
      ? `, ${shareInWords(row.self / row.duration)} of it its own`
      : "";
  return [
    `${row.name}, ${row.service}`,
    row.duration === null ? "still going" : text(row.duration, "s") + own,
    row.critical && "on the critical path",
    row.failed && "failed",
  ]
    .filter(Boolean)
    .join(", ");
}
