/**
 * Observations that lead to their traces: the slowest and the newest.
 */
import type { Example } from "../api/services";
import { moment, parseTime, text } from "../format";
import { clock } from "../state/connection";
import { pageHref } from "../state/view";

export function Examples({ examples }: { examples: readonly Example[] }) {
  return (
    <>
      {examples.map(({ trace_id, value, time, failed }) => {
        const at = parseTime(time);
        return (
          <a key={trace_id + time} href={pageHref("traces", trace_id)} class={failed ? "bad" : ""}>
            {text(value, "s")}
            {failed && ", failed"}
            {at !== null && ` at ${moment(at, clock.value, true)}`}
          </a>
        );
      })}
    </>
  );
}
