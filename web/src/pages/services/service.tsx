/**
 * One service: how it does, what it answers, what it asks, and where the figures come from.
 */
import { useMemo } from "preact/hooks";

import { fetchService, type Origin, type Scope, type ServiceBody } from "../../api/services";
import { Chart } from "../../charts/chart";
import { AgentTable, ModelTable, ToolTable } from "../agents/tables";
import {
  failing,
  latencyInWords,
  originInWords,
  rateInWords,
  shareInWords,
} from "../../components/measure";
import { CompareWith, Failed, Loading, ScopedHeading } from "../../components/scope";
import { count, moment, parseTime, text } from "../../format";
import { useAsked } from "../../state/asked";
import { clock } from "../../state/connection";
import { pageHref } from "../../state/view";
import { Dependencies } from "./dependencies";
import { Endpoints } from "./endpoints";
import { kindsInWords } from "./list";
import { DatabaseTable, WebsocketTable } from "./others";
import { chartsOf, libraryChartsOf, ofService } from "./specs";

const NOTHING = "No request in this range.";

/** What a reader should know of the latencies drawn. */
const NOTES: Record<Origin, string> = {
  spans: "of all spans, within 0.6 %",
  histograms: "of its library's histograms",
  buckets: "buckets tell no percentile over time",
};

export function ServicePage({ name }: { name: string }) {
  const fetcher = useMemo(
    () => (scope: Scope, signal: AbortSignal) => fetchService(name, scope, signal),
    [name],
  );
  const { value, error } = useAsked(fetcher).value;
  const answers = value === null || value.endpoints.length > 0;
  const origin = value?.stats.source ?? "spans";
  const charts = useMemo(() => {
    if (origin !== "spans") return libraryChartsOf("service", name, origin);
    return chartsOf("service", answers ? "Requests" : "Operations", ofService(name, answers));
  }, [name, answers, origin]);
  return (
    <>
      <ScopedHeading
        above={<a href={pageHref("services")}>Services</a>}
        title={value ? sentence(value) : name || "(no name)"}
        detail={value && <Detail body={value} />}
      />
      <Failed error={error} />
      {value === null && error === null && <Loading label={name} />}
      {value && (
        <div class="three charts" key={origin}>
          <Chart spec={charts.latency} note={NOTES[origin]} empty={NOTHING} />
          <Chart spec={charts.rate} empty={NOTHING} />
          <Chart spec={charts.errors} note="of requests" empty={NOTHING} />
        </div>
      )}
      {value && <Tables body={value} />}
    </>
  );
}

function Tables({ body }: { body: ServiceBody }) {
  return (
    <>
      <Endpoints body={body} compare={<CompareWith />} />
      {body.dependencies.length > 0 ? (
        <div class="row">
          <Dependencies body={body} />
          <Averages body={body} />
        </div>
      ) : (
        <Averages body={body} />
      )}
      {body.databases.length > 0 && <DatabaseTable databases={body.databases} />}
      {body.websockets.length > 0 && <WebsocketTable routes={body.websockets} />}
      {body.agents.length > 0 && <AgentTable agents={body.agents} />}
      {body.tools.length > 0 && <ToolTable tools={body.tools} />}
      {body.models.length > 0 && <ModelTable models={body.models} />}
    </>
  );
}

/** "checkout answers 12.1/s; p95 366 ms, 0.12 % fail." */
function sentence({ name, stats, endpoints, last_seen }: ServiceBody): string {
  const who = name || "(no name)";
  if (stats.count === 0) {
    const seen = parseTime(last_seen);
    const since = seen === null ? "" : `; it was last seen at ${moment(seen, clock.value)}`;
    return `${who} did nothing in this window${since}.`;
  }
  const does = endpoints.length > 0 ? "answers" : "does";
  const fails = stats.errors === 0 ? "nothing fails" : `${shareInWords(stats.error_rate)} fails`;
  const p95 = latencyInWords(stats, "p95");
  return `${who} ${does} ${rateInWords(stats.rate)}, p95 ${p95}; ${fails}.`;
}

function Detail({ body }: { body: ServiceBody }) {
  const { stats, error_rate_5m: recent } = body;
  return (
    <>
      {body.kinds.length > 0 && `${kindsInWords(body.kinds)}. `}
      {recent !== null && (
        <span class={failing({ error_rate: recent }) ? "bad" : ""}>
          {shareInWords(recent)} failed in the last 5 minutes.{" "}
        </span>
      )}
      {originInWords(stats)}
    </>
  );
}

function Averages({ body }: { body: ServiceBody }) {
  const rows = [
    {
      key: "this range",
      rate: body.stats.rate,
      mean: body.stats.mean,
      error_rate: body.stats.error_rate,
    },
    { key: "1 h", ...body.averages["1h"] },
    { key: "24 h", ...body.averages["24h"] },
  ];
  const { request, response } = body.sizes;
  return (
    <section class="card" aria-label="Averages">
      <h3>
        Averages
        <small>until the end of the range</small>
      </h3>
      <table>
        <thead>
          <tr>
            <th scope="col">Over</th>
            <th scope="col">Calls</th>
            <th scope="col">Mean</th>
            <th scope="col">Errors</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, rate, mean, error_rate }) => (
            <tr key={key}>
              <td>{key}</td>
              <td>{rateInWords(rate)}</td>
              <td>{text(mean, "s")}</td>
              <td>{shareInWords(error_rate)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="notes">
        {request &&
          `Requests: ${text(request.p50, "B")} at the median, p95 ${text(request.p95, "B")}. `}
        {response &&
          `Responses: ${text(response.p50, "B")} at the median, p95 ${text(response.p95, "B")}. `}
        {body.overflow > 0 &&
          `${count(body.overflow)} calls are of operations that were too many to be told apart.`}
      </p>
    </section>
  );
}
