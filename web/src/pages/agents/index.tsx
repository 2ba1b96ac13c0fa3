/**
 * Agents, or the one that the address names.
 */
import { subject } from "../../state/view";
import { AgentPage } from "./agent";
import { AgentList } from "./list";

export function Agents() {
  const name = subject.value;
  return name === null ? <AgentList /> : <AgentPage key={name} name={name} />;
}
