/**
 * Series held by the page, and how new points are merged into them.
 *
 * 1. The times of a track are strictly increasing, whatever order points arrive in.
 * 2. The same time twice: the last one wins, as in the store.
 * 3. Points older than the window are dropped, so that a page left open for a month stays small.
 */
import type { Labels, Point, WireSeries } from "../api/types";

export interface Track {
  name: string;
  labels: Labels;
  t: number[];
  v: (number | null)[];
}

/** Points dropped at once; dropping them one by one would copy the arrays each second. */
const DROP_POINTS_MIN = 32;

export function seriesKey(name: string, labels: Labels): string {
  const pairs = Object.keys(labels)
    .sort()
    .map((label) => `${label}=${labels[label]}`);
  return `${name}{${pairs.join(",")}}`;
}

export class SeriesSet {
  private readonly byKey = new Map<string, Track>();

  tracks(): Track[] {
    return [...this.byKey.values()];
  }

  /** The latest time of any track, or null when there is none. */
  end(): number | null {
    let end: number | null = null;
    for (const { t } of this.byKey.values()) {
      const last = t[t.length - 1];
      if (last !== undefined && (end === null || last > end)) end = last;
    }
    return end;
  }

  replace(series: readonly WireSeries[]): void {
    this.byKey.clear();
    this.merge(series);
  }

  append(series: readonly WireSeries[], oldest: number): void {
    this.merge(series);
    for (const [key, track] of this.byKey) {
      dropBefore(track, oldest);
      if (track.t.length === 0) this.byKey.delete(key);
    }
  }

  private merge(series: readonly WireSeries[]): void {
    for (const { name, labels, points } of series) {
      const key = seriesKey(name, labels);
      let track = this.byKey.get(key);
      if (!track) {
        track = { name, labels, t: [], v: [] };
        this.byKey.set(key, track);
      }
      for (const point of points) addPoint(track, point);
    }
  }
}

function addPoint(track: Track, [time, value]: Point): void {
  const last = track.t[track.t.length - 1];
  if (last === undefined || time > last) {
    track.t.push(time);
    track.v.push(value);
    return;
  }
  const at = lowerBound(track.t, time);
  if (track.t[at] === time) {
    track.v[at] = value;
  } else {
    track.t.splice(at, 0, time);
    track.v.splice(at, 0, value);
  }
}

function dropBefore(track: Track, oldest: number): void {
  const count = lowerBound(track.t, oldest);
  if (count < DROP_POINTS_MIN && count < track.t.length) return;
  track.t.splice(0, count);
  track.v.splice(0, count);
}

/** The first index whose time is not before `time`. */
export function lowerBound(times: readonly number[], time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] as number) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
