/**
 * The answer to a request as a signal: loading, there, or failed with words for a person.
 *
 * While it is asked for again the last answer stays, so that nothing flickers.
 */
import { signal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

export interface Answered<T> {
  value: T | null;
  error: string | null;
  busy: boolean;
}

export interface Remote<T> {
  state: ReadonlySignal<Answered<T>>;
  ask: () => Promise<void>;
}

export function wordsOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : "Something went wrong.";
}

export function remote<T>(fetcher: () => Promise<T>): Remote<T> {
  const state = signal<Answered<T>>({ value: null, error: null, busy: false });
  const ask = async (): Promise<void> => {
    state.value = { ...state.peek(), busy: true };
    try {
      state.value = { value: await fetcher(), error: null, busy: false };
    } catch (cause) {
      state.value = { value: state.peek().value, error: wordsOf(cause), busy: false };
    }
  };
  return { state, ask };
}

/** Asks at once and then every `seconds`, until the component goes. */
export function usePolled<T>(fetcher: () => Promise<T>, seconds: number): Remote<T> {
  const answer = useMemo(() => remote(fetcher), [fetcher]);
  useEffect(() => {
    void answer.ask();
    const timer = setInterval(() => {
      if (!document.hidden) void answer.ask();
    }, seconds * 1000);
    return () => clearInterval(timer);
  }, [answer, seconds]);
  return answer;
}
