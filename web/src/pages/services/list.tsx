/**
 * All services of the window, who calls whom, databases and WebSockets.
 */
import { useMemo } from "preact/hooks";

import {
  fetchDatabases,
  fetchMap,
  fetchServices,
  fetchWebsockets,
  type ServiceRow,
  type ServicesBody,
} from "../../api/services";
import { Spark } from "../../charts/spark";
import { failing, measuredColumns, rateInWords, shareInWords } from "../../components/measure";
import { CompareWith, Failed, Loading, NothingYet, ScopedHeading } from "../../components/scope";
import { Sorted, type Column } from "../../components/sorted";
import { count } from "../../format";
import { useAsked } from "../../state/asked";
import { useFeed } from "../../state/feed";
import type { Track } from "../../state/series";
import { pageHref } from "../../state/view";
import { sum } from "../overview/tracks";
import { DatabaseTable, WebsocketTable } from "./others";
import { Map_ } from "./map";
import { DURATION } from "./specs";

/** One for all services: how many calls each answered. */
const CALLS = [
  {
    match: DURATION,
    agg: "rate",
    by: ["service", "span_kind"],
  },
];
const SPARK_POINTS = 60;

export function ServiceList() {
  const { value, error } = useAsked(fetchServices).value;
  const map = useAsked(fetchMap).value.value;
  const databases = useAsked(fetchDatabases).value.value ?? [];
  const websockets = useAsked(fetchWebsockets).value.value ?? [];
  const trends = useTrends();
  const columns = useMemo(() => columnsWith(trends), [trends]);
  return (
    <>
      <ScopedHeading
        title={title(value)}
        detail={value && value.services.length > 0 ? detail(value) : null}
      />
      <Failed error={error} />
      {value === null && error === null && <Loading label="Services" />}
      {value?.services.length === 0 && (
        <NothingYet what="No service did anything in this window">
          Services appear here by themselves: each program that sends OpenTelemetry spans, or the
          metrics of its HTTP library, with its endpoints, queries and whom it calls. Start one with
          this in its environment, or choose a longer range.
        </NothingYet>
      )}
      {value && value.services.length > 0 && (
        <section class="card" aria-label="Services">
          <h3>
            Services
            <CompareWith />
          </h3>
          <Sorted
            name="services"
            label="Services"
            columns={columns}
            rows={value.services}
            keyOf={({ name }) => name}
          />
          {value.more > 0 && <p class="faint">{count(value.more)} more with less to do</p>}
        </section>
      )}
      {map && map.edges.length > 0 && <Map_ body={map} />}
      <div class={databases.length > 0 && websockets.length > 0 ? "row" : "row single"}>
        {databases.length > 0 && <DatabaseTable databases={databases} />}
        {websockets.length > 0 && <WebsocketTable routes={websockets} />}
      </div>
    </>
  );
}

function title(body: ServicesBody | null): string {
  if (!body) return "Services";
  const { services } = body;
  if (services.length === 0) return "No service is seen.";
  const bad = services.filter(({ stats }) => failing(stats));
  const names = `${count(services.length)} ${services.length === 1 ? "service" : "services"}`;
  const [worst] = bad.toSorted((a, b) => (b.stats.error_rate ?? 0) - (a.stats.error_rate ?? 0));
  if (!worst) return `${names}, hardly anything fails.`;
  const share = shareInWords(worst.stats.error_rate);
  return `${names}; ${share} of what ${worst.name || "one without a name"} answers fails.`;
}

function detail({ services }: ServicesBody): string {
  const rate = services.reduce((total, { stats }) => total + stats.rate, 0);
  const errors = services.reduce((total, { stats }) => total + stats.errors, 0);
  const bad = services.filter(({ stats }) => failing(stats)).length;
  const many = bad > 1 ? ` In ${count(bad)} services one in a hundred fails, or more.` : "";
  return `${rateInWords(rate)} answered in all, ${count(errors)} failed in the range.${many}`;
}

/** Calls a second of each service: what it answers, or all it does where it answers nothing. */
function useTrends(): ReadonlyMap<string, Track> {
  const [tracks = []] = useFeed(CALLS, SPARK_POINTS).sets.value;
  return useMemo(() => trendsOf(tracks), [tracks]);
}

const ANSWERS: readonly (string | undefined)[] = ["SPAN_KIND_SERVER", "SPAN_KIND_CONSUMER"];

function trendsOf(tracks: readonly Track[]): Map<string, Track> {
  const byName = new Map<string, Track[]>();
  for (const track of tracks) {
    const name = track.labels["service"] ?? "";
    byName.set(name, [...(byName.get(name) ?? []), track]);
  }
  const trends = new Map<string, Track>();
  for (const [name, all] of byName) {
    const answered = all.filter((track) => ANSWERS.includes(track.labels["span_kind"]));
    const total = sum(answered.length > 0 ? answered : all);
    if (total) trends.set(name, total);
  }
  return trends;
}

const KIND_WORDS: Record<string, string> = {
  http: "HTTP",
  rpc: "RPC",
  mcp: "MCP",
  websocket: "WebSocket",
};

export function kindsInWords(kinds: readonly string[]): string {
  return kinds.map((kind) => KIND_WORDS[kind] ?? kind).join(", ");
}

function columnsWith(trends: ReadonlyMap<string, Track>): Column<ServiceRow>[] {
  const points = ({ t, v }: Track) =>
    t.map((time, i): [number, number | null] => [time, v[i] ?? null]);
  return [
    {
      key: "name",
      head: "Service",
      class: "wrap name",
      cell: ({ name, kinds }) => (
        <>
          <a href={pageHref("services", name)}>{name || "(no name)"}</a>
          <small class="kinds">{kindsInWords(kinds)}</small>
        </>
      ),
      by: ({ name }) => name,
    },
    {
      key: "trend",
      head: "Trend",
      title: "calls a second",
      class: "opt trend",
      cell: ({ name }) => {
        const track = trends.get(name);
        return track ? <Spark points={points(track)} /> : null;
      },
    },
    ...measuredColumns<ServiceRow>("Calls"),
    {
      key: "endpoints",
      head: "Endpoints",
      class: "opt",
      cell: ({ endpoints, overflow }) => (
        <span title={overflow > 0 ? "some were too many to be told apart" : undefined}>
          {count(endpoints)}
          {overflow > 0 && "+"}
        </span>
      ),
      by: ({ endpoints }) => endpoints,
    },
  ];
}
