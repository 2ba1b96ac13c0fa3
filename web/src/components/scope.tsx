/**
 * What the figures of a page are of and compared with, and what to show while there are none.
 */
import type { ComponentChildren } from "preact";

import { comparison, COMPARISONS } from "../state/asked";
import { setOwn } from "../state/view";
import { beside } from "../api/address";
import { Command } from "./command";
import { Controls } from "./controls";
import { Heading } from "./heading";

/** A heading with the range at its side. */
export function ScopedHeading(props: {
  title: string;
  above?: ComponentChildren;
  detail?: ComponentChildren;
}) {
  return (
    <>
      {props.above && <p class="crumbs">{props.above}</p>}
      <Heading title={props.title} detail={props.detail}>
        <Controls />
      </Heading>
    </>
  );
}

/** What changes are against; chosen here for all pages. */
export function CompareWith() {
  return (
    <label class="pick">
      Changes against{" "}
      <select
        value={comparison.value}
        onChange={(event) => {
          const key = event.currentTarget.value;
          setOwn({ compare: key === "previous" ? "" : key });
        }}
      >
        {COMPARISONS.map(({ key, label, title }) => (
          <option key={key} value={key} title={title}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The line that makes any OpenTelemetry program send its spans here. */
export function sendLine(): string {
  const url = beside(document.baseURI, ".").href.replace(/\/$/, "");
  return `OTEL_EXPORTER_OTLP_ENDPOINT=${url} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`;
}

/** Nothing came in the window: what will appear, and the one line that makes it so. */
export function NothingYet({ what, children }: { what: string; children: ComponentChildren }) {
  return (
    <section class="card empty" aria-label={what}>
      <h3>{what}</h3>
      <p>{children}</p>
      <Command>{sendLine()}</Command>
    </section>
  );
}

export function Loading({ label }: { label: string }) {
  return <section class="card skeleton tall-blank" aria-label={label} aria-busy="true" />;
}

export function Failed({ error }: { error: string | null }) {
  return error === null ? null : (
    <p class="banner" role="alert">
      {error.charAt(0).toUpperCase() + error.slice(1)}
    </p>
  );
}
