/**
 * Axes: round upper ends, few ticks, and labels of times.
 *
 * A scale begins at zero and changes only when the data crosses a round number, so that a live
 * chart does not breathe with every point.
 */
import { clock, day, text } from "../format";

export interface YScale {
  max: number;
  ticks: number[];
}

const DECIMAL_STEPS = [1, 2, 2.5, 5, 10];
const BINARY_STEPS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const TICKS_MAX = 4;

function niceStep(rough: number, binary: boolean): number {
  const base = binary ? 1024 : 10;
  const power = base ** Math.floor(Math.log(rough) / Math.log(base));
  const steps = binary ? BINARY_STEPS : DECIMAL_STEPS;
  for (const step of steps) if (step * power >= rough * 0.999) return step * power;
  return base * power;
}

/** The scale that holds `highest`, at least `floor` high, with at most four steps. */
export function niceScale(highest: number, floor: number, unit: string, fixed?: number): YScale {
  const wanted = Math.max(Number.isFinite(highest) ? highest : 0, floor);
  const top = fixed ?? wanted;
  const step = niceStep(top / TICKS_MAX, unit === "B" || unit === "B/s");
  const max = fixed ?? Math.ceil(top / step - 1e-9) * step;
  const ticks: number[] = [];
  for (let tick = 0; tick <= max * 1.0001; tick += step) ticks.push(tick);
  return { max, ticks };
}

/** A tick's label: short, without the zeros that a live value keeps. */
export function tickLabel(value: number, unit: string): string {
  if (value === 0) return "0";
  return text(value, unit)
    .replace(/(\.\d*?)0+(?=\D|$)/, "$1")
    .replace(/\.(?=\D|$)/, "");
}

/** Labels of time ticks `step` seconds apart; midnight names its day. */
export function timeLabels(times: readonly number[], step: number): string[] {
  return times.map((time) => {
    const date = new Date(time * 1000);
    const midnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
    if (step >= 86_400 || midnight) return day(time);
    return clock(time, step < 60);
  });
}
