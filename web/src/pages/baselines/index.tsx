/**
 * What is normal here: the baselines kept, a way to make one, and the comparison with now.
 */
import { useSignal } from "@preact/signals";

import { createBaseline, fetchBaselines } from "../../api/client";
import type { Baseline } from "../../api/types";
import { Command } from "../../components/command";
import { Heading } from "../../components/heading";
import { usePolled, wordsOf } from "../../components/remote";
import { BaselineCard } from "./card";

const POLL_SECONDS = 30;

/** What "the last minutes" are, both for making a baseline and for comparing with one. */
export const RECENT_SECONDS = 300;

export function Baselines() {
  const answer = usePolled(fetchBaselines, POLL_SECONDS);
  const making = useSignal(false);
  const failure = useSignal<string | null>(null);
  const make = async (): Promise<void> => {
    making.value = true;
    failure.value = null;
    try {
      await createBaseline("default", RECENT_SECONDS);
      await answer.ask();
    } catch (cause) {
      failure.value = wordsOf(cause);
    }
    making.value = false;
  };
  const { value, error } = answer.state.value;
  const one = value?.length ? "a new one" : "one";
  const button = (
    <button type="button" class="primary" disabled={making.value} onClick={make}>
      {making.value ? "Measuring…" : `Make ${one} from the last 5 minutes`}
    </button>
  );
  const words = failure.value ?? error;
  return (
    <>
      <Heading title={title(value)} detail="What is normal here; figures are judged against it.">
        {value && value.length > 0 && button}
      </Heading>
      {words && (
        <p class="banner" role="alert">
          {words}
        </p>
      )}
      {value === null && !error && <div class="card skeleton blank" aria-label="Loading" />}
      {value?.length === 0 && <Empty button={button} />}
      {newestFirst(value ?? []).map((baseline) => (
        <BaselineCard key={`${baseline.name} ${baseline.version}`} baseline={baseline} />
      ))}
    </>
  );
}

function title(value: readonly Baseline[] | null): string {
  if (!value || value.length === 0) return "Baselines";
  return value.length === 1 ? "1 baseline" : `${value.length} baselines`;
}

function newestFirst(list: readonly Baseline[]): Baseline[] {
  return [...list].sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
}

function Empty({ button }: { button: preact.JSX.Element }) {
  return (
    <section class="card empty">
      <h3>No baseline yet</h3>
      <p>
        A baseline keeps how each figure is spread while all is well. From then on the normal range
        is shaded in every chart, and a change is told apart from noise.
      </p>
      <p>Measure the next five minutes from a terminal:</p>
      <Command>tacho baseline --duration 300</Command>
      <p>or take what has been seen already:</p>
      {button}
    </section>
  );
}
