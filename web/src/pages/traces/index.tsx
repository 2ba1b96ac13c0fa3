/**
 * The search for traces, or the one trace that the address names.
 */
import { subject } from "../../state/view";
import { TraceSearch } from "./search";
import { TracePage } from "./trace";

export function Traces() {
  const id = subject.value;
  return id === null ? <TraceSearch /> : <TracePage key={id} id={id} />;
}
