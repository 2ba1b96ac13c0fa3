/**
 * A table that a reader sorts by its headings; the order lives in the address. Long lists show
 * their beginning and the rest on demand.
 */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";

import { count } from "../format";
import { own, setOwn } from "../state/view";
import { inOrder, type Ordered } from "./order";

export interface Column<R> extends Ordered<R> {
  head: string;
  title?: string;
  /** Classes of the cell: `opt` drops out on a telephone, `words` is text. */
  class?: string;
  cell: (row: R) => ComponentChildren;
}

const ROWS_SHOWN = 50;

export function Sorted<R>(props: {
  /** Names the order in the address, where a page has several tables. */
  name: string;
  label: string;
  columns: readonly Column<R>[];
  rows: readonly R[];
  keyOf: (row: R) => string;
  /** What stands below a row, over its whole width. */
  below?: (row: R) => ComponentChildren;
}) {
  const { name, columns, rows, keyOf, below } = props;
  const all = useSignal(false);
  const order = own.value[`by-${name}`] ?? "";
  const sorted = inOrder(rows, columns, order);
  const shown = all.value ? sorted : sorted.slice(0, ROWS_SHOWN);
  return (
    <>
      <table class="sorted" aria-label={props.label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.key} name={name} column={column} order={order} />
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => {
            const under = below?.(row);
            return [
              <tr key={keyOf(row)} class={under ? "above" : ""}>
                {columns.map((column) => (
                  <td key={column.key} class={column.class}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>,
              under && (
                <tr key={`${keyOf(row)} below`} class="under">
                  <td colSpan={columns.length}>{under}</td>
                </tr>
              ),
            ];
          })}
        </tbody>
      </table>
      {shown.length < sorted.length && (
        <button type="button" class="quiet" onClick={() => (all.value = true)}>
          Show all {count(sorted.length)}
        </button>
      )}
    </>
  );
}

function Head<R>(props: { name: string; column: Column<R>; order: string }) {
  const { name, column, order } = props;
  const down = order === column.key;
  const up = order === `-${column.key}`;
  const sort = down ? "descending" : up ? "ascending" : undefined;
  const turn = (): void => setOwn({ [`by-${name}`]: down ? `-${column.key}` : column.key });
  return (
    <th scope="col" class={column.class} title={column.title} aria-sort={sort}>
      {column.by ? (
        <button type="button" class="sort" onClick={turn}>
          {column.head}
          <span aria-hidden="true">{down ? "↓" : up ? "↑" : ""}</span>
        </button>
      ) : (
        column.head
      )}
    </th>
  );
}
