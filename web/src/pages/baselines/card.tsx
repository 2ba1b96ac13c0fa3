/**
 * One baseline: when it was measured, its figures, and the comparison with the last minutes.
 */
import { useSignal } from "@preact/signals";

import { compareBaseline } from "../../api/client";
import type { Baseline, BaselineMetric, Labels, Verdict } from "../../api/types";
import { wordsOf } from "../../components/remote";
import { MetricName } from "../../components/metric-name";
import { Tag } from "../../components/tag";
import { count, duration, exact, moment, parseTime, span } from "../../format";
import { clock } from "../../state/connection";
import { RECENT_SECONDS } from "./index";
import { Verdicts } from "./verdicts";

/** Figures shown before the reader asks for all of them. */
const ROWS_SHOWN = 8;

const DOUBTS_MAX = 3;

export function BaselineCard({ baseline }: { baseline: Baseline }) {
  const verdicts = useSignal<Verdict[] | null>(null);
  const busy = useSignal(false);
  const failure = useSignal<string | null>(null);
  const compare = async (): Promise<void> => {
    busy.value = true;
    failure.value = null;
    try {
      verdicts.value = (await compareBaseline(baseline.name, RECENT_SECONDS)).verdicts;
    } catch (cause) {
      failure.value = wordsOf(cause);
    }
    busy.value = false;
  };
  return (
    <section class="card" aria-label={`Baseline ${baseline.name}`}>
      <h3>
        <span>
          {baseline.name} <small>version {baseline.version}</small>{" "}
          {!baseline.valid && <Tag tone="unsure">invalid</Tag>}
        </span>
        <button type="button" disabled={busy.value} onClick={compare}>
          {busy.value ? "Comparing…" : "Compare with the last 5 minutes"}
        </button>
      </h3>
      <p class="soft meta">{provenance(baseline)}</p>
      {doubts(baseline).map((doubt) => (
        <p key={doubt} class="soft meta doubt">
          {doubt}
        </p>
      ))}
      {failure.value && (
        <p class="banner" role="alert">
          {failure.value}
        </p>
      )}
      {verdicts.value && <Verdicts verdicts={verdicts.value} />}
      <Metrics metrics={baseline.metrics} />
    </section>
  );
}

/** What speaks against relying on it; what concerns one figure only names that figure. */
function doubts({ metrics }: Baseline): string[] {
  const about = new Map<string, string[]>();
  for (const { metric, findings = [] } of metrics) {
    for (const words of findings) about.set(words, [...(about.get(words) ?? []), metric]);
  }
  return [...about]
    .map(([words, of]) => (of.length === 1 ? `${of[0]}: ${words}` : words))
    .slice(0, DOUBTS_MAX);
}

function provenance(baseline: Baseline): string {
  const from = parseTime(baseline.from);
  const to = parseTime(baseline.to);
  const now = clock.value;
  const parts = [`${count(baseline.metrics.length)} figures`];
  if (from !== null && to !== null) {
    parts.push(`measured over ${duration(to - from)} until ${moment(to, now)}`);
  }
  if (!baseline.valid && baseline.invalid_reason) parts.push(baseline.invalid_reason);
  return parts.join(" · ");
}

function Metrics({ metrics }: { metrics: readonly BaselineMetric[] }) {
  const all = useSignal(false);
  const rows = all.value ? metrics : metrics.slice(0, ROWS_SHOWN);
  if (metrics.length === 0) return <p class="calm">It holds no figure.</p>;
  return (
    <>
      <table class="wide">
        <thead>
          <tr>
            <th scope="col">Figure</th>
            <th scope="col">Median</th>
            <th scope="col">Normal (p5 to p95)</th>
            <th scope="col" class="opt">
              Mean
            </th>
            <th scope="col" class="opt">
              p99
            </th>
            <th scope="col" class="opt">
              Samples (effective)
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Metric key={row.metric + labelWords(row.labels)} row={row} />
          ))}
        </tbody>
      </table>
      {metrics.length > ROWS_SHOWN && (
        <button type="button" class="quiet" onClick={() => (all.value = !all.value)}>
          {all.value ? "Show fewer" : `Show all ${count(metrics.length)}`}
        </button>
      )}
    </>
  );
}

/** The labels that tell series apart; where a metric comes from does not. */
export function labelWords(labels: Labels): string {
  return Object.entries(labels)
    .filter(([label]) => label !== "source" && label !== "instance" && label !== "__name__")
    .map(([, value]) => value)
    .join(" ");
}

function Metric({ row }: { row: BaselineMetric }) {
  const labels = labelWords(row.labels);
  return (
    <tr>
      <td class="wrap">
        <MetricName name={row.metric} /> {labels && <span class="soft">{labels} </span>}
        {row.agg && row.agg !== "avg" && <span class="soft">{row.agg}</span>}
      </td>
      <td>{exact(row.median, row.unit)}</td>
      <td>{span(row.p5, row.p95, row.unit)}</td>
      <td class="opt">{exact(row.mean, row.unit)}</td>
      <td class="opt">{exact(row.p99, row.unit)}</td>
      <td class="opt">
        {count(row.n)} <span class="soft">({count(row.effective_n)})</span>
      </td>
    </tr>
  );
}
