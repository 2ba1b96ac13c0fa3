/**
 * Where the server's history begins, found by asking ever more finely. Pure; who is asked is an
 * argument.
 */
import type { SeriesRange } from "../api/client";

/** Looked at in turn, in seconds: the span behind now where nothing is known yet, and the step. */
const LEVELS = [
  { span: 10 * 365 * 86_400, step: 86_400 },
  { span: 2 * 86_400, step: 600 },
  { span: 1200, step: 1 },
];

/** The first point of any series in the range, or null. */
export type FirstIn = (range: SeriesRange) => Promise<number | null>;

/** The first sample's time; only completed steps answer, hence the fallback to finer ones. */
export async function firstSample(now: number, firstIn: FirstIn): Promise<number | null> {
  let found: number | null = null;
  let before = 0;
  for (const { span, step } of LEVELS) {
    const from: number = found === null ? now - span : found - before;
    const to: number = found === null ? now : Math.min(now, found + before);
    found = (await firstIn({ from, to, step })) ?? found;
    before = step;
  }
  return found;
}
