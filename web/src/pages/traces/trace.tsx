/**
 * One trace: what it was and took, its spans over time, and where the time went.
 */
import { signal, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { fetchTraceCalls, type CallsBody, type Oddities } from "../../api/traces";
import { Failed, Loading } from "../../components/scope";
import { Heading } from "../../components/heading";
import { wordsOf } from "../../components/remote";
import { Segments } from "../../components/segments";
import { count, duration, moment, parseTime, text } from "../../format";
import { clock } from "../../state/connection";
import { own, pageHref, setOwn, settleOwn } from "../../state/view";
import { CallTree } from "./calls";
import { serviceColors } from "./colors";
import { SPANS_MAX, useTrace, type Loaded, type TraceSource } from "./load";
import { Panel } from "./panel";
import { closedOf, OPEN_DEPTH, visible, type Row } from "./tree";
import { Waterfall } from "./waterfall";

const TABS = [
  { key: "spans", label: "Spans" },
  { key: "calls", label: "Where the time goes" },
] as const;

export function TracePage({ id }: { id: string }) {
  const source = useTrace(id);
  const loaded = source.loaded.value;
  const tab = own.value["tab"] === "calls" ? "calls" : "spans";
  return (
    <>
      <p class="crumbs">
        <a href={pageHref("traces")}>Traces</a>
      </p>
      <Heading title={title(loaded)} detail={<Detail loaded={loaded} />}>
        <Segments
          label="What is shown"
          choices={TABS}
          chosen={tab}
          onChoose={(key) => setOwn({ tab: key === "spans" ? "" : key })}
        />
      </Heading>
      <Failed error={loaded.error} />
      {loaded.rows.length === 0 && loaded.error === null && <Loading label="Spans" />}
      {loaded.rows.length > 0 &&
        (tab === "calls" ? <Calls id={id} /> : <Spans id={id} source={source} />)}
    </>
  );
}

function lengthOf(rows: readonly Row[]): number {
  return rows.reduce((end, row) => Math.max(end, row.start + (row.duration ?? 0)), 0);
}

/** "POST /checkout took 412 ms; 2 of 31 spans failed." */
function title({ rows, state }: Loaded): string {
  const [first] = rows;
  if (!first) return "Trace";
  const failed = rows.filter((row) => row.failed).length;
  const more = state === "whole" ? "" : "+";
  const spans = `${count(rows.length)}${more} ${rows.length === 1 ? "span" : "spans"}`;
  const fails = failed === 0 ? `${spans}, none failed` : `${count(failed)} of ${spans} failed`;
  return `${first.name} took ${text(lengthOf(rows), "s")}; ${fails}.`;
}

function Detail({ loaded }: { loaded: Loaded }) {
  const { rows, origin, state, oddities } = loaded;
  const services = useMemo(() => new Set(rows.map(({ service }) => service)).size, [rows]);
  const at = parseTime(origin);
  if (at === null) return null;
  const ago = Math.max(0, Math.floor((clock.value - at) / 60) * 60);
  const words = [
    `Began ${moment(at, clock.value, true)}${ago >= 60 ? `, ${duration(ago)} ago` : ""}`,
    `${count(services)} ${services === 1 ? "service" : "services"}`,
    state === "loading" && `${count(rows.length)} spans so far…`,
    state === "cut" && rows.length >= SPANS_MAX && `the first ${count(rows.length)} spans`,
    oddities && oddInWords(oddities),
  ];
  return <>{words.filter(Boolean).join(" · ")}</>;
}

export function oddInWords(odd: Oddities): string {
  const words = [
    odd.orphans > 0 && `${count(odd.orphans)} without their parent`,
    odd.cycles > 0 && `${count(odd.cycles)} in a cycle`,
    odd.duplicates > 0 && `${count(odd.duplicates)} ids twice`,
    odd.begin_before_parent > 0 && `clocks differ by ${text(odd.skew_seconds, "s")} or more`,
  ];
  return words.filter(Boolean).join(", ");
}

function Spans({ id, source }: { id: string; source: TraceSource }) {
  const { rows } = source.loaded.value;
  const turned = useSignal<ReadonlySet<string>>(new Set());
  const closed = useMemo(() => closedOf(rows, turned.value), [rows, turned.value]);
  const shown = useMemo(() => visible(rows, closed), [rows, closed]);
  const length = useMemo(() => lengthOf(rows), [rows]);
  const colors = useMemo(() => serviceColors(rows), [rows]);
  const chosen = own.value["span"] ?? null;
  const row = useMemo(() => rows.find((one) => one.id === chosen), [rows, chosen]);
  const turn = (ids: readonly string[]): void => {
    const next = new Set(turned.value);
    for (const one of ids) if (!next.delete(one)) next.add(one);
    turned.value = next;
  };
  const failed = rows.some((one) => one.failed);
  const choose = (span: string): void => settleOwn({ span });
  return (
    <div class={row ? "trace with-panel" : "trace"}>
      <section class="card waterfall" aria-label="Spans over time">
        <div class="tools">
          <Legend colors={colors} />
          {failed && (
            <button type="button" onClick={() => nextFailed(rows, closed, chosen, turn, choose)}>
              Next failed
            </button>
          )}
          <button
            type="button"
            onClick={() =>
              turn(rows.filter((one) => one.below > 0 && closed.has(one.id)).map((one) => one.id))
            }
            disabled={closed.size === 0}
          >
            Open all
          </button>
          <button
            type="button"
            onClick={() =>
              turn(
                rows
                  .filter((one) => one.depth >= OPEN_DEPTH && one.below > 0 && !closed.has(one.id))
                  .map((one) => one.id),
              )
            }
          >
            Close all
          </button>
        </div>
        <Waterfall
          rows={shown}
          closed={closed}
          chosen={chosen}
          length={length}
          colors={colors}
          onChoose={choose}
          onTurn={(span) => turn([span])}
        />
      </section>
      {row && (
        <Panel row={row} trace={id} source={source} onClose={() => settleOwn({ span: "" })} />
      )}
    </div>
  );
}

/** Chooses the next span that failed, with all above it opened. */
function nextFailed(
  rows: readonly Row[],
  closed: ReadonlySet<string>,
  chosen: string | null,
  turn: (ids: readonly string[]) => void,
  choose: (id: string) => void,
): void {
  const from = rows.findIndex(({ id }) => id === chosen);
  const at = rows.findIndex((row, i) => i > from && row.failed);
  const found = at >= 0 ? at : rows.findIndex((row) => row.failed);
  const row = rows[found];
  if (!row) return;
  const above: string[] = [];
  for (let i = found - 1, depth = row.depth; i >= 0 && depth > 0; i--) {
    const one = rows[i] as Row;
    if (one.depth >= depth) continue;
    depth = one.depth;
    if (closed.has(one.id)) above.push(one.id);
  }
  turn(above);
  choose(row.id);
}

function Legend({ colors }: { colors: ReadonlyMap<string, string> }) {
  return (
    <ul class="legend">
      {[...colors].slice(0, 7).map(([name, color]) => (
        <li key={name} style={`--c: var(${color})`}>
          <span class="name">{name || "(no name)"}</span>
        </li>
      ))}
      <li class="solid">solid: on the critical path</li>
    </ul>
  );
}

function Calls({ id }: { id: string }) {
  const answer = useMemo(() => signal<CallsBody | string | null>(null), [id]);
  useEffect(() => {
    const abort = new AbortController();
    fetchTraceCalls(id, abort.signal)
      .then((body) => (answer.value = body))
      .catch((cause: unknown) => {
        if (!abort.signal.aborted) answer.value = wordsOf(cause);
      });
    return () => abort.abort();
  }, [id, answer]);
  const body = answer.value;
  if (body === null) return <Loading label="Where the time goes" />;
  return typeof body === "string" ? <Failed error={body} /> : <CallTree body={body} />;
}
