/**
 * What a service asks others for, as it sees them.
 */
import type { Dependency, ServiceBody } from "../../api/services";
import { measuredColumns } from "../../components/measure";
import { Sorted, type Column } from "../../components/sorted";
import { count } from "../../format";
import { kindsInWords } from "./list";
import { timeColumn } from "./others";

type Row = Dependency & { share: number };

const COLUMNS: Column<Row>[] = [
  {
    key: "name",
    head: "What it asks",
    class: "wrap name",
    cell: ({ name, kind }) => (
      <>
        {name}
        <small class="kinds">{kindsInWords([kind])}</small>
      </>
    ),
    by: ({ name }) => name,
  },
  timeColumn("share of the time it waits for others"),
  ...measuredColumns<Row>("Calls"),
];

export function Dependencies({ body }: { body: ServiceBody }) {
  const time = body.dependencies.reduce((total, { stats }) => total + stats.total, 0);
  const rows = body.dependencies.map((one): Row => ({
    ...one,
    share: time > 0 ? one.stats.total / time : 0,
  }));
  return (
    <section class="card" aria-label="Dependencies">
      <h3>
        Depends on
        <small>as this service sees them</small>
      </h3>
      <Sorted
        name="dependencies"
        label="Dependencies"
        columns={COLUMNS}
        rows={rows}
        keyOf={({ kind, name }) => `${kind} ${name}`}
      />
      {body.dependencies_more > 0 && (
        <p class="faint">{count(body.dependencies_more)} more with less to do</p>
      )}
    </section>
  );
}
