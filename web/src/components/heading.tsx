/**
 * A page's title with one line below it, and what can be done on the page at its side.
 */
import type { ComponentChildren } from "preact";

export function Heading(props: {
  title: string;
  detail?: ComponentChildren;
  children?: ComponentChildren;
}) {
  return (
    <header>
      <div class="state-block">
        <h1 class="state">{props.title}</h1>
        {props.detail && <p class="state-detail">{props.detail}</p>}
      </div>
      {props.children && <div class="controls">{props.children}</div>}
    </header>
  );
}
