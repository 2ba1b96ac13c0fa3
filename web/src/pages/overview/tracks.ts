/**
 * Arithmetic on tracks: sums, shares, differences, and the largest with the rest folded.
 *
 * A time that one operand lacks is left out, so that a late sample never shows as a dip.
 */
import type { Line } from "../../charts/frame";
import type { Track } from "../../state/series";

function derived(from: Track, t: number[], v: (number | null)[]): Track {
  return { name: from.name, labels: {}, t, v };
}

export function scale(track: Track, factor: number): Track {
  const v = track.v.map((value) => (value === null ? null : value * factor));
  return derived(track, track.t, v);
}

/** The sum at each time that any of the tracks has. */
export function sum(tracks: readonly Track[]): Track | null {
  const [first] = tracks;
  if (!first) return null;
  if (tracks.length === 1) return first;
  const totals = new Map<number, number | null>();
  for (const { t, v } of tracks) {
    t.forEach((time, i) => {
      const value = v[i] ?? null;
      const before = totals.get(time);
      if (before === undefined || before === null) totals.set(time, value);
      else if (value !== null) totals.set(time, before + value);
    });
  }
  const t = [...totals.keys()].sort((a, b) => a - b);
  return derived(
    first,
    t,
    t.map((time) => totals.get(time) ?? null),
  );
}

/** Both at the same times, combined. */
export function combine(a: Track, b: Track, how: (a: number, b: number) => number): Track {
  const other = new Map(b.t.map((time, i) => [time, b.v[i] ?? null]));
  const t: number[] = [];
  const v: (number | null)[] = [];
  a.t.forEach((time, i) => {
    const right = other.get(time);
    if (right === undefined) return;
    const left = a.v[i] ?? null;
    t.push(time);
    v.push(left === null || right === null ? null : how(left, right));
  });
  return derived(a, t, v);
}

/** `part` as a percentage of `total`. */
export function share(part: Track, total: Track): Track {
  return combine(part, total, (a, b) => (b > 0 ? Math.min(100, (100 * a) / b) : 0));
}

function mean(track: Track): number {
  const known = track.v.filter((value) => value !== null);
  return known.length === 0 ? 0 : known.reduce((a, b) => a + b, 0) / track.t.length;
}

const COLORS = ["--s1", "--s7", "--s4", "--s3", "--s2"];

/**
 * The largest tracks by their mean, the rest folded into "others". A name keeps its colour for as
 * long as it stays among the largest, hence the memory in the closure.
 */
export function largest(label: string): (tracks: readonly Track[]) => Line[] {
  const slots = new Map<string, string>();
  return (tracks) => {
    const sorted = tracks
      .map((track) => ({ track, name: track.labels[label] ?? "?", size: mean(track) }))
      .filter(({ size }) => size > 0)
      .sort((a, b) => b.size - a.size);
    const top = sorted.slice(0, COLORS.length);
    const names = new Set(top.map(({ name }) => name));
    for (const name of slots.keys()) if (!names.has(name)) slots.delete(name);
    for (const { name } of top) {
      if (slots.has(name)) continue;
      const taken = new Set(slots.values());
      slots.set(name, COLORS.find((color) => !taken.has(color)) ?? "--s6");
    }
    const order = [...slots.keys()];
    const lines = top
      .map(({ track, name }) => ({
        label: name,
        color: slots.get(name) ?? "--s6",
        t: track.t,
        v: track.v,
      }))
      .sort((a, b) => order.indexOf(a.label) - order.indexOf(b.label));
    const rest = sum(sorted.slice(COLORS.length).map(({ track }) => track));
    if (rest) lines.push({ label: "others", color: "--s6", t: rest.t, v: rest.v });
    return lines;
  };
}
