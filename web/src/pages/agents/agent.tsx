/**
 * One agent: its runs over time, what they use, and the newest of them.
 */
import { useMemo } from "preact/hooks";

import { fetchAgent, type AgentBody, type PerRun, type Run, type Scope } from "../../api/services";
import { Chart } from "../../charts/chart";
import { originInWords, shareInWords } from "../../components/measure";
import { Failed, Loading, ScopedHeading } from "../../components/scope";
import { Tag } from "../../components/tag";
import { count, moment, number, parseTime, text } from "../../format";
import { useAsked } from "../../state/asked";
import { clock } from "../../state/connection";
import { pageHref } from "../../state/view";
import { chartsOf, quoted, tokensOf } from "../services/specs";
import { ModelTable, ToolTable } from "./tables";
import { money, part, tokens } from "./words";

export function AgentPage({ name }: { name: string }) {
  const fetcher = useMemo(
    () => (scope: Scope, signal: AbortSignal) => fetchAgent(name, scope, signal),
    [name],
  );
  const { value, error } = useAsked(fetcher).value;
  const { charts, spent } = useMemo(() => {
    const named = `gen_ai_agent_name=${quoted(name)}`;
    return {
      charts: chartsOf("agent", "Runs", `${named},gen_ai_operation_name="invoke_agent"`),
      spent: tokensOf("agent", "traces_span_metrics_gen_ai_invoke_agent_tokens_total", named),
    };
  }, [name]);
  return (
    <>
      <ScopedHeading
        above={<a href={pageHref("agents")}>Agents</a>}
        title={value ? sentence(value) : name || "(no name)"}
        detail={value && originInWords(value.stats)}
      />
      <Failed error={error} />
      {value === null && error === null && <Loading label={name} />}
      {value && (
        <>
          <Figures body={value} />
          <div class="three charts">
            <Chart spec={charts.latency} note="of a run" empty="No run in this range." />
            <Chart spec={charts.rate} empty="No run in this range." />
            <Chart spec={spent} empty="Nobody told of tokens in this range." />
          </div>
          {value.tools.length > 0 && <ToolTable tools={value.tools} />}
          {value.models.length > 0 && (
            <ModelTable models={value.models} note="all calls of its services, whichever agent's" />
          )}
          <Runs runs={value.runs} name={name} />
        </>
      )}
    </>
  );
}

function sentence({ name, stats }: AgentBody): string {
  const who = name || "The agent without a name";
  if (stats.count === 0) return `${who} did not run in this window.`;
  const runs = `${count(stats.count)} ${stats.count === 1 ? "run" : "runs"}`;
  const fails = stats.errors === 0 ? "all went well" : `${shareInWords(stats.error_rate)} failed`;
  return `${who}: ${runs}, p95 ${text(stats.p95, "s")}, ${fails}.`;
}

function Figures({ body }: { body: AgentBody }) {
  const { tokens: t, stats } = body;
  const runs = Math.max(1, stats.count);
  const facts: [string, string, string][] = [
    ["Tokens in", tokens(t.input), part(t.cache_read, t.input, "cached")],
    ["Tokens out", tokens(t.output), part(t.reasoning, t.output, "reasoning")],
    [
      "Cost",
      money(body),
      body.cost === null ? "" : `${money({ ...body, cost: body.cost / runs })} a run`,
    ],
    ["Model calls a run", number(body.inference_calls?.mean), p95(body.inference_calls)],
    ["Tools a run", number(body.tool_calls?.mean), p95(body.tool_calls)],
    ["Run, median", text(stats.p50, "s"), `p99 ${text(stats.p99, "s")}`],
  ];
  return (
    <dl class="card figures">
      {facts.map(([name, value, more]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {value}
            <small>{more}</small>
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Whole, as what is counted is; the percentile of a histogram is near it. */
function p95(of: PerRun | null): string {
  return of?.p95 == null ? "" : `p95 ${count(of.p95)}`;
}

function Runs({ runs, name }: { runs: readonly Run[]; name: string }) {
  const longest = Math.max(...runs.map(({ duration }) => duration), 1e-9);
  const calls = { operation: `invoke_agent ${name}`, tab: "calls" };
  return (
    <section class="card" aria-label="Newest runs" data-holds>
      <h3>
        Newest runs
        <small>
          <a href={pageHref("traces", null, calls)}>Where their time goes</a>
        </small>
      </h3>
      {runs.length === 0 ? (
        <p class="calm">None of this window leads to a trace that is kept.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Began</th>
              <th scope="col">Took</th>
              <th scope="col" class="words">
                Trace
              </th>
            </tr>
          </thead>
          <tbody>
            {runs.map((run) => (
              <RunRow key={run.trace_id} run={run} longest={longest} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function RunRow({ run, longest }: { run: Run; longest: number }) {
  const at = parseTime(run.start);
  return (
    <tr>
      <td>
        {at === null ? "" : moment(at, clock.value, true)}{" "}
        {run.failed && <Tag tone="worse">failed</Tag>}
      </td>
      <td class="bar">
        <i style={`--w: ${((100 * run.duration) / longest).toFixed(1)}%`} />
        <span>{text(run.duration, "s")}</span>
      </td>
      <td class="words">
        <a href={pageHref("traces", run.trace_id)}>{run.trace_id.slice(0, 8)}</a>
      </td>
    </tr>
  );
}
