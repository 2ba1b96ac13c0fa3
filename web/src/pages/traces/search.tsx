/**
 * Find traces by what is in them: service, operation, duration, failure; and where all that are
 * found spent their time.
 */
import { useSignal } from "@preact/signals";
import type { TargetedEvent } from "preact";
import { useEffect } from "preact/hooks";

import { fetchServices, type Scope } from "../../api/services";
import { fetchCalls, fetchTraces, type FoundTrace } from "../../api/traces";
import { CallTree } from "./calls";
import { Failed, Loading, NothingYet, ScopedHeading } from "../../components/scope";
import { Segments } from "../../components/segments";
import { Tag } from "../../components/tag";
import { count, moment, parseTime, text } from "../../format";
import { useAsked, windowParams } from "../../state/asked";
import { clock } from "../../state/connection";
import { own, pageHref, setOwn } from "../../state/view";

const FIELDS = ["service", "operation", "min_duration", "errors", "attr"] as const;
const TRACES_SHOWN = 50;
const CALLS_TRACES = 200;
const TABS = [
  { key: "traces", label: "Traces" },
  { key: "calls", label: "Where the time goes", title: "All that are found, as one call tree" },
] as const;

type Tab = (typeof TABS)[number]["key"];

function tab(): Tab {
  return own.value["tab"] === "calls" ? "calls" : "traces";
}

/** What is searched for, as the server is asked. */
function searched(limit: number): Scope | null {
  const params = windowParams();
  if (!params) return null;
  for (const field of FIELDS) {
    const wanted = own.value[field];
    if (wanted) params.set(field, wanted);
  }
  params.set("limit", String(limit));
  return params;
}

const tracesParams = (): Scope | null => searched(TRACES_SHOWN);
const callsParams = (): Scope | null => searched(CALLS_TRACES);

export function TraceSearch() {
  return (
    <>
      <ScopedHeading title="Traces" detail="Found by what one of their spans is and did." />
      <Form />
      {tab() === "calls" ? <Calls /> : <Found />}
    </>
  );
}

function Form() {
  const known = useAsked(fetchServices, windowParams).value.value?.services ?? [];
  const from = own.value;
  const change = (event: TargetedEvent<HTMLInputElement | HTMLSelectElement>): void => {
    const { name, value } = event.currentTarget;
    setOwn({ [name]: value.trim() });
  };
  return (
    <form class="card search" role="search" onSubmit={(event) => event.preventDefault()}>
      <label>
        Service
        <select name="service" value={from["service"] ?? ""} onChange={change}>
          <option value="">any</option>
          {[...new Set([...known.map(({ name }) => name), from["service"] ?? ""])]
            .filter(Boolean)
            .map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
        </select>
      </label>
      <label class="wide">
        Operation
        <input
          name="operation"
          value={from["operation"] ?? ""}
          placeholder="GET /users/{id}"
          onChange={change}
        />
      </label>
      <label>
        At least
        <input
          name="min_duration"
          value={from["min_duration"] ?? ""}
          placeholder="250ms"
          size={7}
          onChange={change}
        />
      </label>
      <label class="wide">
        Attribute
        <input name="attr" value={from["attr"] ?? ""} placeholder="key=value" onChange={change} />
      </label>
      <label class="tick">
        <input
          type="checkbox"
          name="errors"
          checked={from["errors"] === "true"}
          onChange={(event) => setOwn({ errors: event.currentTarget.checked ? "true" : "" })}
        />
        failed only
      </label>
      <Segments
        label="What is shown"
        choices={TABS}
        chosen={tab()}
        onChoose={(key) => setOwn({ tab: key === "traces" ? "" : key })}
      />
    </form>
  );
}

function Found() {
  const { value, error, busy } = useAsked(fetchTraces, tracesParams).value;
  const anything = FIELDS.some((field) => own.value[field]);
  if (error !== null && value === null) return <Failed error={error} />;
  if (value === null) return <Loading label="Traces" />;
  if (value.length === 0 && !anything) {
    return (
      <NothingYet what="No trace began in this range">
        Traces appear here as soon as a program sends its spans. Start one with this in its
        environment, or choose a longer range.
      </NothingYet>
    );
  }
  if (value.length === 0) return <NoneFound />;
  return (
    <>
      <Failed error={error} />
      <section class="card" aria-label="Traces found" aria-busy={busy} data-holds>
        <TraceTable traces={value} fits={anything} />
        {value.length === TRACES_SHOWN && (
          <p class="notes">The newest {count(TRACES_SHOWN)}; narrow the search to see others.</p>
        )}
      </section>
    </>
  );
}

function NoneFound() {
  return (
    <section class="card empty" aria-label="Traces found">
      <h3>No trace has such a span</h3>
      <p>
        All that is asked for must hold for one and the same span. Ask for less, or look further
        back.
      </p>
      <button
        type="button"
        onClick={() => setOwn(Object.fromEntries(FIELDS.map((field) => [field, ""])))}
      >
        Ask for nothing
      </button>
    </section>
  );
}

function TraceTable({ traces, fits }: { traces: readonly FoundTrace[]; fits: boolean }) {
  const longest = Math.max(...traces.map(({ duration }) => duration), 1e-9);
  return (
    <table class="sorted traces" aria-label="Traces found">
      <thead>
        <tr>
          <th scope="col">Began with</th>
          <th scope="col" class="opt words">
            Services
          </th>
          <th scope="col">Took</th>
          <th scope="col">Spans</th>
          {fits && (
            <th scope="col" class="opt" title="spans that are such as was asked for">
              Fit
            </th>
          )}
          <th scope="col">Began</th>
        </tr>
      </thead>
      <tbody>
        {traces.map((trace) => (
          <TraceRow key={trace.trace_id} trace={trace} longest={longest} fits={fits} />
        ))}
      </tbody>
    </table>
  );
}

function TraceRow(props: { trace: FoundTrace; longest: number; fits: boolean }) {
  const { trace, longest, fits } = props;
  const { root, services } = trace;
  const at = parseTime(trace.start);
  return (
    <tr>
      <td class="wrap name">
        <a href={pageHref("traces", trace.trace_id)}>
          {root ? (root.operation ?? root.name) : "(its beginning has not come)"}
        </a>{" "}
        {trace.errors > 0 && <Tag tone="worse">{`${count(trace.errors)} failed`}</Tag>}
        <small class="kinds narrow">{root?.service}</small>
      </td>
      <td class="opt words wrap soft">{services.join(", ")}</td>
      <td class="bar">
        <i style={`--w: ${((100 * trace.duration) / longest).toFixed(1)}%`} />
        <span>{text(trace.duration, "s")}</span>
      </td>
      <td>{count(trace.spans)}</td>
      {fits && <td class="opt">{count(trace.matched)}</td>}
      <td>{at === null ? "" : moment(at, clock.value, true)}</td>
    </tr>
  );
}

function Calls() {
  const { value, error } = useAsked(fetchCalls, callsParams).value;
  const shown = useSignal(value);
  useEffect(() => {
    if (value) shown.value = value;
  }, [shown, value]);
  if (error !== null) return <Failed error={error} />;
  if (shown.value === null) return <Loading label="Where the time goes" />;
  if (shown.value.tree.length === 0) return <NoneFound />;
  return <CallTree body={shown.value} />;
}
