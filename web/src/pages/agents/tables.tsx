/**
 * Agents, tools and models as tables, on their own page and on that of a service.
 */
import type { ComponentChildren } from "preact";

import type { Agent, Measured, Model, Tool, Used } from "../../api/services";
import { Change, measuredColumns, Seconds, shareInWords } from "../../components/measure";
import { Sorted, type Column } from "../../components/sorted";
import { count, DASH, number, text } from "../../format";
import { pageHref } from "../../state/view";
import { money, NO_PRICE, part, tokens } from "./words";

function services(names: readonly string[]) {
  return (
    <small class="kinds">
      {names.map((name, i) => [
        i > 0 && ", ",
        <a key={name} href={pageHref("services", name)}>
          {name || "(no name)"}
        </a>,
      ])}
    </small>
  );
}

/** Tokens in with what came from the cache, out with what was reasoning, and what they cost. */
function usedColumns<R extends Used & Measured>(): Column<R>[] {
  return [
    {
      key: "input",
      head: "Tokens in",
      class: "opt",
      cell: ({ tokens: t }) => (
        <>
          {tokens(t.input)}
          <small class="part">{part(t.cache_read, t.input, "cached")}</small>
        </>
      ),
      by: ({ tokens: t }) => t.input,
    },
    {
      key: "output",
      head: "Out",
      class: "opt",
      cell: ({ tokens: t }) => (
        <>
          {tokens(t.output)}
          <small class="part">{part(t.reasoning, t.output, "reasoning")}</small>
        </>
      ),
      by: ({ tokens: t }) => t.output,
    },
    {
      key: "cost",
      head: "Cost",
      cell: (used) => (
        <span class={used.cost === null ? "faint" : ""} title={used.cost === null ? noPrice : ""}>
          {money(used)}
        </span>
      ),
      by: ({ cost }) => cost,
    },
  ];
}

const noPrice = `${NO_PRICE}: the model is not in the price table`;

const AGENT_COLUMNS: Column<Agent>[] = [
  {
    key: "name",
    head: "Agent",
    class: "wrap name",
    cell: ({ name, services: names }) => (
      <>
        <a href={pageHref("agents", name)}>{name || "(no name)"}</a>
        {services(names)}
      </>
    ),
    by: ({ name }) => name,
  },
  {
    key: "runs",
    head: "Runs",
    class: "with-change",
    cell: ({ stats, previous }) => (
      <>
        {count(stats.count)}
        <Change now={stats.count} before={previous?.count} />
      </>
    ),
    by: ({ stats }) => stats.count,
  },
  {
    key: "success",
    head: "Success",
    cell: ({ stats: { error_rate: rate } }) => (
      <span class={(rate ?? 0) >= 0.01 ? "bad" : ""}>
        {shareInWords(rate === null ? null : 1 - rate)}
      </span>
    ),
    by: ({ stats }) => (stats.error_rate === null ? null : 1 - stats.error_rate),
  },
  {
    key: "p50",
    head: "p50",
    class: "opt",
    cell: ({ stats }) => <Seconds stats={stats} figure="p50" />,
    by: ({ stats }) => stats.p50,
  },
  {
    key: "p95",
    head: "p95",
    cell: ({ stats }) => <Seconds stats={stats} figure="p95" />,
    by: ({ stats }) => stats.p95,
  },
  perRun("models", "Calls a run", "calls of models a run", (row) => row.inference_calls?.mean),
  perRun("tools", "Tools a run", "uses of tools a run", (row) => row.tool_calls?.mean),
  ...usedColumns<Agent>(),
];

function perRun(
  key: string,
  head: string,
  title: string,
  mean: (row: Agent) => number | null | undefined,
): Column<Agent> {
  return {
    key,
    head,
    title,
    class: "opt",
    cell: (row) => {
      const value = mean(row) ?? null;
      return value === null ? DASH : number(value);
    },
    by: mean,
  };
}

export function AgentTable(props: { agents: readonly Agent[]; aside?: ComponentChildren }) {
  const { agents, aside } = props;
  return (
    <section class="card" aria-label="Agents">
      <h3>
        Agents
        {aside}
      </h3>
      <Sorted
        name="agents"
        label="Agents"
        columns={AGENT_COLUMNS}
        rows={agents}
        keyOf={({ name }) => name}
      />
    </section>
  );
}

function toolColumns(withUses: boolean): Column<Tool>[] {
  const uses: Column<Tool> = {
    key: "uses",
    head: "Uses",
    title: "as the agent's runs tell",
    cell: (row) => count(row.uses),
    by: (row) => row.uses,
  };
  return [
    {
      key: "name",
      head: "Tool",
      class: "wrap name",
      cell: ({ name, kind, service }) => (
        <>
          {name || "(no name)"} {kind === "mcp" && <span class="tag stable">MCP</span>}
          {services([service])}
        </>
      ),
      by: ({ name }) => name,
    },
    ...(withUses ? [uses] : []),
    ...measuredColumns<Tool>("Calls"),
  ];
}

const TOOL_COLUMNS = toolColumns(false);
const USED_TOOL_COLUMNS = toolColumns(true);

export function ToolTable({ tools }: { tools: readonly Tool[] }) {
  return (
    <section class="card" aria-label="Tools">
      <h3>Tools</h3>
      <Sorted
        name="tools"
        label="Tools"
        columns={tools.some(({ uses }) => uses !== undefined) ? USED_TOOL_COLUMNS : TOOL_COLUMNS}
        rows={tools}
        keyOf={({ service, kind, name }) => `${service} ${kind} ${name}`}
      />
    </section>
  );
}

const MODEL_COLUMNS: Column<Model>[] = [
  {
    key: "name",
    head: "Model",
    class: "wrap name",
    cell: ({ name, provider, operations }) => (
      <>
        {name || "(no name)"}
        <small class="kinds">{[provider, ...operations].filter(Boolean).join(" · ")}</small>
      </>
    ),
    by: ({ name }) => name,
  },
  ...measuredColumns<Model>("Calls").filter(({ key }) => key !== "p99"),
  {
    key: "first",
    head: "First chunk",
    title: "p95 of the time until the first part of an answer",
    class: "opt",
    cell: ({ time_to_first_chunk: first }) => text(first?.p95, "s"),
    by: ({ time_to_first_chunk: first }) => first?.p95,
  },
  ...usedColumns<Model>(),
];

export function ModelTable(props: { models: readonly Model[]; note?: string }) {
  const { models, note = "first chunk: p95" } = props;
  return (
    <section class="card" aria-label="Models">
      <h3>
        Models
        <small>{note}</small>
      </h3>
      <Sorted
        name="models"
        label="Models"
        columns={MODEL_COLUMNS}
        rows={models}
        keyOf={({ provider, name }) => `${provider} ${name}`}
      />
    </section>
  );
}
