/**
 * How to point a program here: one line for each way in, to copy.
 */
import { beside } from "../../api/address";
import { Command } from "../../components/command";

const WAYS: readonly { who: string; line: (url: string) => string }[] = [
  {
    who: "OpenTelemetry, any language",
    line: (url) => `OTEL_EXPORTER_OTLP_ENDPOINT=${url} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`,
  },
  {
    who: "Prometheus, Grafana Alloy, vmagent",
    line: (url) => `remote_write: [{url: ${url}/api/v1/write}]`,
  },
  {
    who: "Anything with /metrics, in tacho.yaml",
    line: () => "scrape_configs: [{job_name: api, static_configs: [{targets: ['127.0.0.1:9100']}]}]",
  },
  {
    who: "StatsD and DogStatsD, in tacho.yaml",
    line: () => "ingest: {statsd: {udp: 127.0.0.1:8125}}",
  },
  { who: "Telegraf, Influx clients", line: (url) => `${url}/api/v2/write` },
  {
    who: "A shell",
    line: (url) =>
      `curl -d '{"name": "build_seconds", "value": 41.2, "type": "timing"}' ${url}/api/performance/metrics`,
  },
];

export function Ways() {
  const url = beside(document.baseURI, ".").href.replace(/\/$/, "");
  return (
    <section class="card" aria-label="How to send here">
      <h3>How to send here</h3>
      <ul class="ways">
        {WAYS.map(({ who, line }) => (
          <li key={who}>
            <span class="soft">{who}</span>
            <Command>{line(url)}</Command>
          </li>
        ))}
      </ul>
    </section>
  );
}
