/**
 * What a service answers: a row an endpoint, opened for its statuses, sizes and examples.
 */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";

import type { Endpoint, ServiceBody } from "../../api/services";
import { Examples } from "../../components/examples";
import { measuredColumns } from "../../components/measure";
import { Sorted, type Column } from "../../components/sorted";
import { count, text } from "../../format";
import { pageHref } from "../../state/view";
import { timeColumn } from "./others";

type Row = Endpoint & { share: number };

/** From so many on, a field to find one. */
const FILTER_FROM = 12;

export function Endpoints({ body, compare }: { body: ServiceBody; compare: ComponentChildren }) {
  const open = useSignal<string | null>(null);
  const wanted = useSignal("");
  const time = body.endpoints.reduce((total, { stats }) => total + stats.total, 0);
  const words = wanted.value.toLowerCase();
  const rows = body.endpoints
    .filter(({ name }) => name.toLowerCase().includes(words))
    .map((one): Row => ({ ...one, share: time > 0 ? one.stats.total / time : 0 }));
  const columns: Column<Row>[] = [
    {
      key: "name",
      head: "Endpoint",
      class: "wrap name",
      cell: (row) => (
        <button
          type="button"
          class="open"
          aria-expanded={open.value === keyOf(row)}
          onClick={() => (open.value = open.value === keyOf(row) ? null : keyOf(row))}
        >
          {row.name}
        </button>
      ),
      by: ({ name }) => name,
    },
    timeColumn("share of the service's time"),
    ...measuredColumns<Row>("Calls"),
  ];
  return (
    <section class="card" aria-label="Endpoints">
      <h3>
        Endpoints
        <span class="tools">
          {body.endpoints.length >= FILTER_FROM && (
            <input
              type="search"
              placeholder="Filter"
              aria-label="Filter endpoints"
              value={wanted.value}
              onInput={(event) => (wanted.value = event.currentTarget.value)}
            />
          )}
          {compare}
        </span>
      </h3>
      {body.endpoints.length === 0 ? (
        <p class="calm">It answers nothing by itself; below is what it asks others for.</p>
      ) : (
        <Sorted
          name="endpoints"
          label="Endpoints"
          columns={columns}
          rows={rows}
          keyOf={keyOf}
          below={(row) => open.value === keyOf(row) && <Opened row={row} service={body.name} />}
        />
      )}
      {body.endpoints_more > 0 && (
        <p class="faint">{count(body.endpoints_more)} more with less to do</p>
      )}
    </section>
  );
}

const keyOf = ({ kind, name }: Row): string => `${kind} ${name}`;

function Opened({ row, service }: { row: Row; service: string }) {
  const { stats } = row;
  const pairs = (counts: Record<string, number>): string =>
    Object.entries(counts)
      .toSorted(([, a], [, b]) => b - a)
      .map(([name, n]) => `${name} × ${count(n)}`)
      .join(", ");
  const facts: [string, string][] = [
    ["Calls", count(stats.count)],
    ["Fastest", stats.min === null ? "" : text(stats.min, "s")],
    ["Slowest", stats.max === null ? "" : text(stats.max, "s")],
    ["p99.9", stats.p99_9 === null ? "" : text(stats.p99_9, "s")],
    ["Statuses", pairs(row.statuses)],
    ["Errors", pairs(row.error_types)],
    ["Request", row.request_bytes ? `p50 ${text(row.request_bytes.p50, "B")}` : ""],
    ["Response", row.response_bytes ? `p50 ${text(row.response_bytes.p50, "B")}` : ""],
  ];
  const found = { service, operation: row.name };
  return (
    <div class="opened">
      <dl class="facts">
        {facts
          .filter(([, words]) => words !== "")
          .map(([name, words]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{words}</dd>
            </div>
          ))}
      </dl>
      {stats.source === "spans" && (
        <p class="leads">
          <Examples examples={row.exemplars} />
          <a href={pageHref("traces", null, found)}>All its traces</a>
          <a href={pageHref("traces", null, { ...found, tab: "calls" })}>Where its time goes</a>
        </p>
      )}
    </div>
  );
}
