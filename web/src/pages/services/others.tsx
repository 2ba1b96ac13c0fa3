/**
 * Databases with the queries that take most of their time, and WebSockets.
 */
import { useSignal } from "@preact/signals";

import type { Database, Measured, Query, WebsocketRoute } from "../../api/services";
import { measuredColumns, shareInWords } from "../../components/measure";
import { Sorted, type Column } from "../../components/sorted";
import { count, duration, text } from "../../format";
import { pageHref } from "../../state/view";

/** Queries shown of each database before the reader asks for more. */
const QUERIES_SHOWN = 5;

interface QueryRow extends Query {
  database: string;
  service: string;
  /** Of the time of all databases shown. */
  share: number;
}

function databaseName({ system, namespace }: Database): string {
  return [system, namespace].filter(Boolean).join(" ");
}

const QUERY_COLUMNS: Column<QueryRow>[] = [
  {
    key: "name",
    head: "Query",
    class: "wrap name",
    cell: ({ name, database, service }) => (
      <>
        {name}
        <small class="kinds">
          {database} · <a href={pageHref("services", service)}>{service}</a>
        </small>
      </>
    ),
    by: ({ name }) => name,
  },
  timeColumn("share of the time in all databases"),
  ...measuredColumns<QueryRow>("Calls"),
];

/** A bar for the share of the time. */
export function timeColumn<R extends Measured & { share: number }>(title: string): Column<R> {
  return {
    key: "time",
    head: "Time",
    title,
    class: "opt bar",
    cell: ({ share }) => (
      <>
        <i style={`--w: ${(share * 100).toFixed(1)}%`} />
        <span>{shareInWords(share)}</span>
      </>
    ),
    by: ({ share }) => share,
  };
}

export function DatabaseTable({ databases }: { databases: readonly Database[] }) {
  const all = useSignal(false);
  const time = databases.reduce((total, { stats }) => total + stats.total, 0);
  const rows = databases.flatMap((database): QueryRow[] =>
    database.queries.slice(0, all.value ? undefined : QUERIES_SHOWN).map((query) => ({
      ...query,
      database: databaseName(database),
      service: database.service,
      share: time > 0 ? query.stats.total / time : 0,
    })),
  );
  const held = databases.reduce((n, one) => n + one.queries.length, 0);
  return (
    <section class="card" aria-label="Databases">
      <h3>
        Databases
        <small>{[...new Set(databases.map(databaseName))].join(", ")}</small>
      </h3>
      <Sorted
        name="queries"
        label="Queries"
        columns={QUERY_COLUMNS}
        rows={rows}
        keyOf={({ name, database, service }) => `${service} ${database} ${name}`}
      />
      {rows.length < held && (
        <button type="button" class="quiet" onClick={() => (all.value = true)}>
          All {count(held)} queries
        </button>
      )}
    </section>
  );
}

const WEBSOCKET_COLUMNS: Column<WebsocketRoute>[] = [
  {
    key: "route",
    head: "Route",
    class: "wrap name",
    cell: ({ route, service }) => (
      <>
        {route}
        <small class="kinds">
          <a href={pageHref("services", service)}>{service}</a>
        </small>
      </>
    ),
    by: ({ route }) => route,
  },
  {
    key: "active",
    head: "Open",
    title: "connections open at the end of the window",
    cell: ({ active }) => count(active),
    by: ({ active }) => active,
  },
  {
    key: "ended",
    head: "Ended",
    class: "opt",
    cell: ({ connections }) => count(connections.stats.count),
    by: ({ connections }) => connections.stats.count,
  },
  {
    key: "open",
    head: "Open for",
    title: "median of those that ended",
    class: "opt",
    cell: ({ connections: { stats } }) =>
      (stats.p50 ?? 0) >= 60 ? duration(stats.p50) : text(stats.p50, "s"),
    by: ({ connections }) => connections.stats.p50,
  },
  {
    key: "received",
    head: "In",
    title: "messages received",
    cell: ({ received }) => count(received),
    by: ({ received }) => received,
  },
  {
    key: "sent",
    head: "Out",
    title: "messages sent",
    cell: ({ sent }) => count(sent),
    by: ({ sent }) => sent,
  },
  {
    key: "errors",
    head: "Errors",
    cell: ({ errors }) => <span class={errors ? "bad" : "faint"}>{count(errors)}</span>,
    by: ({ errors }) => errors,
  },
];

export function WebsocketTable({ routes }: { routes: readonly WebsocketRoute[] }) {
  return (
    <section class="card" aria-label="WebSockets">
      <h3>
        WebSockets
        <small>messages in the window</small>
      </h3>
      <Sorted
        name="websockets"
        label="WebSockets"
        columns={WEBSOCKET_COLUMNS}
        rows={routes}
        keyOf={({ service, route }) => `${service} ${route}`}
      />
    </section>
  );
}
