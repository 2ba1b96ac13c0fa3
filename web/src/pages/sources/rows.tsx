/**
 * A table whose rows become two lines on a narrow screen, each with a line below it for what is
 * wrong. What a cell's heading says there, `word` says on the narrow screen, where headings are not
 * shown. Roles are written out: a row that is laid out as anything else loses its own.
 */
import type { ComponentChildren } from "preact";

import { duration, parseTime } from "../../format";
import { clock } from "../../state/connection";

/** What was this long ago is now. */
const NOW_SECONDS = 10;

export function Rows(props: { label: string; heads: readonly string[]; children: ComponentChildren }) {
  return (
    <table class="rows" role="table" aria-label={props.label}>
      <thead role="rowgroup">
        <tr role="row">
          {props.heads.map((head) => (
            <th key={head} scope="col" role="columnheader" class={head === "How" ? "how" : ""}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      {props.children}
    </table>
  );
}

/** One row, and what is wrong with it. */
export function Row(props: { children: ComponentChildren; below?: ComponentChildren; span: number }) {
  return (
    <tbody role="rowgroup">
      <tr role="row">{props.children}</tr>
      {props.below && (
        <tr role="row" class="below">
          <td role="cell" colSpan={props.span}>
            {props.below}
          </td>
        </tr>
      )}
    </tbody>
  );
}

type CellClass = "name" | "soft" | "num" | "last";

export function Cell(props: {
  class: CellClass;
  word?: string;
  /** Not worth a place on a narrow screen. */
  minor?: boolean;
  children: ComponentChildren;
}) {
  const name = props.minor ? `${props.class} minor` : props.class;
  return (
    <td role="cell" class={name} data-word={props.word}>
      {props.children}
    </td>
  );
}

/** Seconds since a time of the server, or null where there is none. */
export function secondsSince(time: string | null): number | null {
  const parsed = parseTime(time);
  return parsed === null ? null : Math.max(0, clock.value - parsed);
}

/** `now`, `12 s ago`. */
export function ago(seconds: number | null): string {
  if (seconds === null) return "";
  return seconds < NOW_SECONDS ? "now" : `${duration(seconds)} ago`;
}
