/**
 * The names of a chart's lines with their values: at the crosshair while there is one, else the
 * latest. Values stand in cells of fixed width, so that nothing moves while they change.
 */
import { text } from "../format";

export interface LegendEntry {
  label: string;
  color: string;
  value: number | null;
}

export function Legend({ entries, unit }: { entries: readonly LegendEntry[]; unit: string }) {
  return (
    <ul class="legend" aria-hidden="true">
      {entries.map((entry) => (
        <li key={entry.label} style={`--c: var(${entry.color})`}>
          <span class="name">{entry.label}</span>
          <span class="num">{text(entry.value, unit)}</span>
        </li>
      ))}
    </ul>
  );
}
