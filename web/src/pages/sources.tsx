/**
 * What comes in, from where, and what became of it; and how to point a program here.
 */
import { fetchSources } from "../api/client";
import type { Source } from "../api/types";
import { Heading } from "../components/heading";
import { usePolled } from "../components/remote";
import { Tag } from "../components/tag";
import { count, duration, number, parseTime } from "../format";
import { clock } from "../state/connection";

const POLL_SECONDS = 5;
/** A source that sent nothing for so long is silent. */
const SILENT_SECONDS = 300;

export function Sources() {
  const answer = usePolled(fetchSources, POLL_SECONDS);
  const { value, error } = answer.state.value;
  const all = value?.sources ?? [];
  // This host's own collection is the overview's matter.
  const sources = all.filter((one) => one.protocol !== "host").sort((a, b) => b.rate - a.rate);
  return (
    <>
      <Heading title={title(value === null, sources)} detail={detail(sources)} />
      {error && <p class="banner">{error}</p>}
      {sources.length > 0 && <Table sources={sources} />}
      <Ways />
    </>
  );
}

function title(loading: boolean, sources: readonly Source[]): string {
  if (loading) return "Sources";
  if (sources.length === 0) return "Nothing sends here yet.";
  const refusing = sources.filter((one) => total(one.refused) > 0).length;
  const many = sources.length === 1 ? "1 source sends" : `${sources.length} sources send`;
  if (refusing === 0) return `${many} here; nothing was refused.`;
  return `${many} here; of ${refusing} some was refused.`;
}

function detail(sources: readonly Source[]): string {
  if (sources.length === 0) return "Point a program here with one of the lines below.";
  const rate = sources.reduce((sum, one) => sum + one.rate, 0);
  return `${number(rate)} items a second came lately.`;
}

function total(refused: Record<string, number>): number {
  return Object.values(refused).reduce((sum, items) => sum + items, 0);
}

function Table({ sources }: { sources: readonly Source[] }) {
  return (
    <section class="card" aria-label="What comes in">
      <h3>What comes in</h3>
      <table class="wide">
        <thead>
          <tr>
            <th scope="col" class="words">
              Source
            </th>
            <th scope="col" class="opt words">
              Protocol
            </th>
            <th scope="col">A second</th>
            <th scope="col" class="opt">
              Kept
            </th>
            <th scope="col" class="opt">
              Filtered
            </th>
            <th scope="col" class="opt" title="Older than a minute when it came">
              Delayed
            </th>
            <th scope="col">Refused</th>
            <th scope="col">Last</th>
          </tr>
        </thead>
        <tbody>
          {sources.map((one) => (
            <Row key={`${one.protocol} ${one.signal} ${one.source}`} one={one} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ one }: { one: Source }) {
  const refused = total(one.refused);
  const reasons = Object.entries(one.refused).map(([reason, items]) => `${count(items)} ${reason}`);
  const last = parseTime(one.last);
  const ago = last === null ? null : Math.max(0, clock.value - last);
  const silent = ago !== null && ago > SILENT_SECONDS;
  return (
    <tr>
      <td class="words">{one.source}</td>
      <td class="opt words soft">
        {one.protocol.replace("_", " ")} · {one.signal}
      </td>
      <td>{number(one.rate)}</td>
      <td class="opt">{count(one.accepted)}</td>
      <td class="opt">{count(one.filtered)}</td>
      <td class="opt">{count(one.delayed)}</td>
      <td>
        {refused === 0 ? count(0) : <Tag tone="unsure" title={reasons.join(", ")}>{count(refused)}</Tag>}
        {refused > 0 && <div class="opt soft">{reasons.join(", ")}</div>}
      </td>
      <td>{silent ? <Tag tone="unsure">{ended(ago)}</Tag> : ended(ago)}</td>
    </tr>
  );
}

function ended(ago: number | null): string {
  if (ago === null) return "";
  return ago < POLL_SECONDS * 2 ? "now" : `${duration(Math.round(ago))} ago`;
}

/** One line for each way in. */
const WAYS: readonly { who: string; line: (url: string) => string }[] = [
  {
    who: "OpenTelemetry, any language",
    line: (url) => `OTEL_EXPORTER_OTLP_ENDPOINT=${url} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`,
  },
  { who: "Prometheus, Grafana Alloy, vmagent", line: (url) => `remote_write: [{url: ${url}/api/v1/write}]` },
  {
    who: "Anything with /metrics, in tacho.yaml",
    line: () => "scrape_configs: [{job_name: api, static_configs: [{targets: ['127.0.0.1:9100']}]}]",
  },
  { who: "StatsD and DogStatsD, in tacho.yaml", line: () => "ingest: {statsd: {udp: 127.0.0.1:8125}}" },
  { who: "Telegraf, Influx clients", line: (url) => `${url}/api/v2/write` },
  {
    who: "A shell",
    line: (url) =>
      `curl ${url}/api/performance/metrics -d '{"name": "build_seconds", "value": 41.2, "type": "timing"}'`,
  },
];

function Ways() {
  const url = location.origin;
  return (
    <section class="card" aria-label="How to send here">
      <h3>How to send here</h3>
      <ul class="ways">
        {WAYS.map(({ who, line }) => (
          <li key={who}>
            <span class="soft">{who}</span>
            <code>{line(url)}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}
