/**
 * Keeps a mistake in one page from taking the whole window: says so, and offers to go on.
 */
import type { ComponentChildren } from "preact";
import { useErrorBoundary } from "preact/hooks";

import { wordsOf } from "./remote";

export function Guard({ children }: { children: ComponentChildren }) {
  const [error, reset] = useErrorBoundary((cause) => console.error(cause));
  if (error === undefined) return <>{children}</>;
  return (
    <section class="card empty" role="alert">
      <h3>This page has failed to draw itself</h3>
      <p>{wordsOf(error)}</p>
      <button type="button" onClick={reset}>
        Draw it again
      </button>
    </section>
  );
}
