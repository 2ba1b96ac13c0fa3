/**
 * Agents, the tools they use and the models they ask.
 */
import { fetchAgents, fetchModels, fetchTools, type Agent, type Model } from "../../api/services";
import { CompareWith, Failed, Loading, NothingYet, ScopedHeading } from "../../components/scope";
import { count } from "../../format";
import { useAsked } from "../../state/asked";
import { AgentTable, ModelTable, ToolTable } from "./tables";
import { allTokens, money, tokens } from "./words";

export function AgentList() {
  const { value, error } = useAsked(fetchAgents).value;
  const models = useAsked(fetchModels).value.value;
  const tools = useAsked(fetchTools).value.value ?? [];
  const nothing = value?.agents.length === 0 && models?.length === 0 && tools.length === 0;
  return (
    <>
      <ScopedHeading
        title={title(value?.agents ?? null)}
        detail={models && models.length > 0 ? detail(models) : null}
      />
      <Failed error={error} />
      {value === null && error === null && <Loading label="Agents" />}
      {nothing && (
        <NothingYet what="No agent ran in this window">
          Agents, tools and models appear here by themselves, from the spans of any instrumentation
          that knows them: OpenTelemetry's own, OpenInference, OpenLLMetry, Logfire. Send them here
          with this in the environment, or choose a longer range.
        </NothingYet>
      )}
      {value && value.agents.length > 0 && (
        <AgentTable agents={value.agents} aside={<CompareWith />} />
      )}
      {tools.length > 0 && <ToolTable tools={tools} />}
      {models && models.length > 0 && <ModelTable models={models} />}
    </>
  );
}

function title(agents: readonly Agent[] | null): string {
  if (!agents) return "Agents";
  const runs = agents.reduce((total, { stats }) => total + stats.count, 0);
  const failed = agents.reduce((total, { stats }) => total + stats.errors, 0);
  if (runs === 0) return "No agent ran.";
  const who = `${count(agents.length)} ${agents.length === 1 ? "agent" : "agents"}`;
  const fails = failed === 0 ? "all went well" : `${count(failed)} failed`;
  return `${who}, ${count(runs)} ${runs === 1 ? "run" : "runs"}, ${fails}.`;
}

function detail(models: readonly Model[]): string {
  const used = models.reduce((total, model) => total + (allTokens(model.tokens) ?? 0), 0);
  const priced = models.filter(({ cost }) => cost !== null);
  const cost = priced.reduce((total, one) => total + (one.cost ?? 0), 0);
  const currency = priced[0]?.currency ?? "USD";
  const without = models.length - priced.length;
  const words = [
    `${tokens(used)} tokens`,
    priced.length > 0 && money({ cost, currency }),
    without > 0 && `${count(without)} of ${count(models.length)} models without a price`,
  ];
  return `${words.filter(Boolean).join(", ")}.`;
}
