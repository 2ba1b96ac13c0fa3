/**
 * A change with its interval against the margin of equivalence, as one row of a forest plot.
 *
 * Inside the shaded margin a change does not matter; an interval that leaves it wholly is a
 * verdict. Rows of one table share `reach`, so that they can be compared by eye.
 */
import type { Verdict } from "../api/types";
import { changeInWords } from "../components/tag";

const WIDTH = 160;
const HEIGHT = 20;
const TONES = {
  regressed: "var(--worse)",
  improved: "var(--better)",
  stable: "var(--soft)",
  inconclusive: "var(--unsure)",
};

/** Beyond this, in percent, a row is cut off with an arrow; its numbers stand beside it. */
const REACH_MAX = 50;

/** The percentage at the edge of the plots of these verdicts; larger changes are cut there. */
export function reachOf(verdicts: readonly Verdict[]): number {
  const ends = verdicts.map(({ interval, margin_percent: margin }) =>
    Math.max(Math.abs(interval?.[0] ?? 0), Math.abs(interval?.[1] ?? 0), (margin ?? 5) * 1.6),
  );
  ends.sort((a, b) => a - b);
  // One wild row must not flatten all others.
  const typical = ends[ends.length >> 1] ?? 10;
  return Math.min(ends[ends.length - 1] ?? 10, typical * 4, REACH_MAX) * 1.1;
}

export function Forest({ verdict, reach }: { verdict: Verdict; reach: number }) {
  const { interval, change_percent: change, margin_percent: margin } = verdict;
  const low = interval?.[0];
  const high = interval?.[1];
  if (low === null || low === undefined || high === null || high === undefined) return null;
  const cut = (percent: number): number => Math.max(-reach, Math.min(reach, percent));
  const x = (percent: number): number => ((cut(percent) + reach) / (2 * reach)) * WIDTH;
  const tone = TONES[verdict.answer];
  const m = margin ?? 5;
  return (
    <svg
      class="forest"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={changeInWords(verdict)}
    >
      <rect x={x(-m)} width={x(m) - x(-m)} height={HEIGHT} fill="var(--grid)" />
      <path d={`M${x(0)} 0V${HEIGHT}`} stroke="var(--edge)" />
      <path
        d={`M${x(low)} 10H${Math.max(x(high), x(low) + 1)}`}
        stroke={tone}
        stroke-width="2.4"
        stroke-linecap="round"
      />
      {change !== null && <circle cx={x(change)} cy="10" r="3.6" fill={tone} />}
      {high > reach && <path d={`M${WIDTH - 5} 6l4 4-4 4`} stroke={tone} fill="none" />}
      {low < -reach && <path d="M5 6l-4 4 4 4" stroke={tone} fill="none" />}
    </svg>
  );
}
