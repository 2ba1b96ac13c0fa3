/**
 * Who uses the machine: a chart by group over the range, and the processes of this moment.
 */
import { signal } from "@preact/signals";

import { Chart, type ChartSpec } from "../../charts/chart";
import { Segments } from "../../components/segments";
import type { ProcessRow } from "../../api/types";
import { text } from "../../format";
import { shownDashboard } from "../../state/dashboard";
import { scale, largest } from "./tracks";

type Measure = "cpu" | "memory";

const ROWS_MAX = 7;
const measure = signal<Measure>("cpu");

const largestByCpu = largest("groupname");
const largestByMemory = largest("groupname");

const SPECS: Record<Measure, ChartSpec> = {
  cpu: {
    id: "processes",
    title: "CPU by process",
    unit: "%",
    stacked: true,
    floor: 4,
    queries: [
      { match: "namedprocess_namegroup_cpu_seconds_total", agg: "rate", by: ["groupname"] },
    ],
    lines: ([tracks = []]) =>
      largestByCpu(tracks.map((track) => ({ ...scale(track, 100), labels: track.labels }))),
  },
  memory: {
    id: "processes",
    title: "Memory by process",
    unit: "B",
    stacked: true,
    floor: 1024 * 1024,
    queries: [
      {
        match: 'namedprocess_namegroup_memory_bytes{memtype="resident"}',
        agg: "avg",
        by: ["groupname"],
      },
    ],
    lines: ([tracks = []]) => largestByMemory(tracks),
  },
};

const CHOICES = [
  { key: "cpu", label: "CPU" },
  { key: "memory", label: "Memory" },
] as const;

export function Processes() {
  const chosen = measure.value;
  return (
    <div class="row">
      <Chart
        key={chosen}
        spec={SPECS[chosen]}
        note={chosen === "cpu" ? "100 % is one core" : "resident"}
        empty="Processes appear here a few seconds after the start."
      />
      <ProcessTable chosen={chosen} />
    </div>
  );
}

function ProcessTable({ chosen }: { chosen: Measure }) {
  const rows = (shownDashboard.value?.top[chosen] ?? []).slice(0, ROWS_MAX);
  const highest = {
    cpu: Math.max(...rows.map((row) => row.cpu_percent ?? 0), 1),
    memory: Math.max(...rows.map((row) => row.resident_bytes ?? 0), 1),
  };
  return (
    <section class="card" aria-label="Top processes">
      <h3>
        Top processes
        <Segments
          label="Order processes by"
          choices={CHOICES}
          chosen={chosen}
          onChoose={(key) => (measure.value = key)}
        />
      </h3>
      {rows.length === 0 ? (
        <p class="blank">Processes appear here a few seconds after the start.</p>
      ) : (
        <table class="fixed">
          <thead>
            <tr>
              <th scope="col">Process</th>
              <th scope="col" class="opt pid">
                pid
              </th>
              <th scope="col">CPU</th>
              <th scope="col">Memory</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row key={row.pid} row={row} highest={highest} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Row({ row, highest }: { row: ProcessRow; highest: Record<Measure, number> }) {
  return (
    <tr>
      <td title={row.name}>{row.name}</td>
      <td class="opt pid faint">{row.pid}</td>
      <Bar value={row.cpu_percent} most={highest.cpu} words={text(row.cpu_percent, "%")} />
      <Bar value={row.resident_bytes} most={highest.memory} words={text(row.resident_bytes, "B")} />
    </tr>
  );
}

function Bar({ value, most, words }: { value: number | null; most: number; words: string }) {
  return (
    <td class="bar">
      <i style={`--w: ${(Math.min(1, (value ?? 0) / most) * 100).toFixed(1)}%`} />
      <span>{words}</span>
    </td>
  );
}
