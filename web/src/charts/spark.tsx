/**
 * A small trend without axes, over its normal band. Decorative: the number beside it says it all.
 */
import type { Point } from "../api/types";
import type { Band } from "./plot";

const WIDTH = 200;
const HEIGHT = 42;

export function Spark({
  points,
  band,
  stroke = "var(--accent)",
}: {
  points: readonly Point[];
  band?: Band | null;
  stroke?: string;
}) {
  const known = points.filter((point): point is [number, number] => point[1] !== null);
  const first = known[0];
  const last = known[known.length - 1];
  if (!first || !last) return <svg class="spark" aria-hidden="true" />;
  const values = known.map(([, value]) => value);
  const low = Math.min(...values, band?.low ?? Infinity);
  const high = Math.max(...values, band?.high ?? -Infinity);
  // A flat line is drawn in the middle rather than magnified into noise.
  const room = Math.max((high - low) * 0.08, Math.abs(high) * 0.01, 1e-9);
  const bottom = low - room;
  const top = high + room;
  const y = (value: number): number => HEIGHT - ((value - bottom) / (top - bottom)) * HEIGHT;
  const span = last[0] - first[0] || 1;
  const x = (time: number): number => ((time - first[0]) / span) * WIDTH;
  const path = known
    .map(([time, value], i) => `${i ? "L" : "M"}${x(time).toFixed(1)} ${y(value).toFixed(1)}`)
    .join("");
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {band && (
        <rect
          width={WIDTH}
          y={y(band.high)}
          height={Math.max(1, y(band.low) - y(band.high))}
          fill="var(--band)"
        />
      )}
      <path
        d={path}
        fill="none"
        stroke={stroke}
        stroke-width="1.6"
        stroke-linejoin="round"
        vector-effect="non-scaling-stroke"
      />
    </svg>
  );
}
