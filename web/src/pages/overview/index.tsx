/**
 * The host at a glance: a sentence, the figures, what to look at, then the charts.
 */
import type { Alert, Dashboard } from "../../api/types";
import { Chart } from "../../charts/chart";
import type { Mark } from "../../charts/plot";
import { Controls } from "../../components/controls";
import { levelTone, Tag } from "../../components/tag";
import { count, duration, moment, parseTime, text } from "../../format";
import { clock } from "../../state/connection";
import { shownDashboard } from "../../state/dashboard";
import { dataFrom } from "../../state/view";
import { LookFirst } from "./look";
import { Processes } from "./processes";
import { CPU, DISK, LOAD, MEMORY, NETWORK, PRESSURE } from "./specs";
import { bandOf, Tiles } from "./tiles";

export function Overview() {
  const body = shownDashboard.value;
  const cores = body?.host.cores ?? null;
  const memory = body?.host.memory_bytes ?? null;
  const tile = (metric: string) => body?.tiles.find((known) => known.metric === metric);
  return (
    <>
      <header>
        <State body={body} />
        <Controls />
      </header>
      <Tiles />
      <div class="row">
        <Chart
          spec={CPU}
          class="tall"
          note={cores === null ? "by mode" : `by mode · ${coresInWords(cores)}`}
          band={bandOf(tile("cpu_usage_percent"))}
          marks={marksOf(body, /cpu/i)}
          empty="CPU by mode appears with the second sample."
        />
        <LookFirst />
      </div>
      <div class="three">
        <Chart
          spec={MEMORY}
          top={memory ?? undefined}
          note={memory === null ? "" : `of ${text(memory, "B")}`}
          band={memory === null ? null : bandOf(tile("memory_usage_percent"), memory / 100)}
          marks={marksOf(body, /mem/i)}
          empty="Memory appears with the first sample."
        />
        <Chart
          spec={LOAD}
          note="runnable tasks"
          band={bandOf(tile("node_load1"))}
          guides={cores === null ? [] : [{ value: cores, label: coresInWords(cores) }]}
          empty="This host tells no load average."
        />
        <Chart
          spec={PRESSURE}
          note="share of time some task waits"
          empty="This kernel tells no pressure (PSI); Linux from 4.20 does, unless built without."
        />
      </div>
      <div class="two">
        <Chart spec={DISK} note="all disks" empty="This host shows no disks of its own." />
        <Chart
          spec={NETWORK}
          note="all interfaces but loopback"
          empty="This host shows no network interface but loopback."
        />
      </div>
      <Processes />
    </>
  );
}

function coresInWords(cores: number): string {
  return `${count(cores)} ${cores === 1 ? "core" : "cores"}`;
}

function State({ body }: { body: Dashboard | null }) {
  if (!body) return <h1 class="state">Waiting for the first samples…</h1>;
  return (
    <div class="state-block">
      <HostLine body={body} />
      <h1 class={`state ${body.state.level}`}>{body.state.sentence}</h1>
      {body.state.detail && <p class="state-detail">{body.state.detail}</p>}
    </div>
  );
}

function HostLine({ body }: { body: Dashboard }) {
  const { host } = body;
  const boot = parseTime(host.boot_time);
  const parts = [
    host.name,
    host.kernel && /^\d/.test(host.kernel) ? `Linux ${host.kernel}` : host.kernel,
    boot === null ? null : `up ${duration(Math.floor((clock.value - boot) / 60) * 60)}`,
    dataFrom.value === null ? null : `watched since ${moment(dataFrom.value, clock.value)}`,
  ];
  const { level } = body.state;
  return (
    <p class="host">
      {parts.filter(Boolean).join(" · ")}
      {(level === "warning" || level === "critical") && <Tag tone={levelTone(level)}>{level}</Tag>}
    </p>
  );
}

function marksOf(body: Dashboard | null, about: RegExp): Mark[] {
  if (!body) return [];
  const marks: Mark[] = [];
  for (const annotation of body.annotations) {
    const time = parseTime(annotation.time);
    if (time !== null) marks.push({ time, label: annotation.name, color: "--soft" });
  }
  for (const alert of body.alerts.filter((known: Alert) => about.test(known.metric ?? known.rule))) {
    const time = parseTime(alert.started_at);
    const color = alert.severity === "critical" ? "--worse" : "--unsure";
    if (time !== null) marks.push({ time, label: alert.rule, color });
  }
  return marks;
}
