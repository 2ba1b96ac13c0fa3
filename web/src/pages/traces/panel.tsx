/**
 * All that one span says: times, why it failed, attributes, events, links.
 */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

import type { Held, Span } from "../../api/traces";
import { Icon } from "../../components/icons";
import { wordsOf } from "../../components/remote";
import { exact, text } from "../../format";
import { pageHref } from "../../state/view";
import type { TraceSource } from "./load";
import { secondsBetween, type Row } from "./tree";

const SAID_MS = 1600;

export function Panel(props: {
  row: Row;
  trace: string;
  source: TraceSource;
  onClose: () => void;
}) {
  const { row, trace, source, onClose } = props;
  const span = useSignal<Span | null>(null);
  const error = useSignal<string | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    error.value = null;
    source
      .details(row, abort.signal)
      .then((found) => {
        if (!abort.signal.aborted) span.value = found ?? null;
      })
      .catch((cause: unknown) => {
        if (!abort.signal.aborted) error.value = wordsOf(cause);
      });
    return () => abort.abort();
  }, [row.id, row.page, source, span, error]);
  const shown = span.value?.span_id === row.id ? span.value : null;
  return (
    <aside class="card panel" aria-label="Span">
      <h3>
        <span class="breakable">{row.name}</span>
        <button type="button" class="quiet square" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </h3>
      {row.failed && (
        <p class="bad">Failed{shown?.status_message ? `: ${shown.status_message}` : ""}</p>
      )}
      {row.odd && <p class="doubt">{oddityInWords(row.odd, shown?.oddity_seconds ?? null)}</p>}
      <dl class="facts">
        <Fact name="Service">
          <a href={pageHref("services", row.service)}>{row.service || "(no name)"}</a>
        </Fact>
        <Fact name="Took">{row.duration === null ? "still going" : exact(row.duration, "s")}</Fact>
        <Fact name="Of its own">{exact(row.self, "s")}</Fact>
        <Fact name="Began after">{row.start === 0 ? "0" : exact(row.start, "s")}</Fact>
        <Fact name="Critical path">{row.critical ? "yes" : "no"}</Fact>
        <Fact name="Kind">{row.kind}</Fact>
      </dl>
      <p class="leads">
        <CopyId what="span id" id={row.id} />
        <CopyId what="trace id" id={trace} />
      </p>
      {error.value && <p class="doubt">{error.value}</p>}
      {shown && <Said span={shown} />}
    </aside>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Said({ span }: { span: Span }) {
  return (
    <>
      {span.operation !== span.name && <Pairs title="Name" pairs={[["span name", span.name]]} />}
      <Pairs title="Attributes" pairs={Object.entries(span.attributes)} />
      {span.events.map((event, i) => (
        <Pairs
          key={i}
          title={`Event: ${event.name ?? ""}`}
          pairs={[
            ...(event.time
              ? [["after", text(secondsBetween(span.start, event.time), "s")] as [string, Held]]
              : []),
            ...Object.entries(event.attributes ?? {}),
          ]}
        />
      ))}
      {span.links.map(({ trace_id, span_id }, i) => (
        <p key={i} class="leads">
          <a href={pageHref("traces", trace_id ?? "", span_id ? { span: span_id } : {})}>
            Linked trace {trace_id?.slice(0, 8)}
          </a>
        </p>
      ))}
      <Pairs title="Process" pairs={Object.entries(span.resource)} />
    </>
  );
}

function Pairs({ title, pairs }: { title: string; pairs: readonly [string, Held][] }) {
  if (pairs.length === 0) return null;
  return (
    <>
      <h4>{title}</h4>
      <dl class="pairs">
        {pairs.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{typeof value === "string" ? value : JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function CopyId({ what, id }: { what: string; id: string }) {
  const copied = useSignal(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(id);
      copied.value = true;
      setTimeout(() => (copied.value = false), SAID_MS);
    } catch {
      // The clipboard is refused; the id stands beside the button.
    }
  };
  return (
    <button type="button" class="id" onClick={copy} title={`Copy the ${what}: ${id}`}>
      <span class="faint">{copied.value ? "copied" : what}</span> <code>{id.slice(0, 8)}…</code>
    </button>
  );
}

export function oddityInWords(odd: string, by: number | null): string {
  const seconds = by === null ? "" : ` by ${exact(by, "s")}`;
  const words: Record<string, string> = {
    orphan: "Its parent has not come: not yet, dropped, or sampled away.",
    cycle: "It is its own ancestor; the chain is cut here.",
    duplicate: "Another span has the same id.",
    begins_before_parent: `Begins before its parent${seconds}: two clocks disagree.`,
    outlives_parent: `Ends after its parent${seconds}: nobody waited, or two clocks disagree.`,
  };
  return words[odd] ?? odd;
}
