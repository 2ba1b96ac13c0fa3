import { describe, expect, it } from "vitest";

import type { Point, WireSeries } from "../src/api/types";
import { SeriesSet } from "../src/state/series";

const cpu = (points: Point[], mode = "user"): WireSeries => ({
  name: "cpu",
  labels: { mode },
  points,
});

/** The points of the first track after `data` and then each of `appends`. */
function check(data: Point[], appends: Point[][], oldest: number, expected: Point[]): void {
  const set = new SeriesSet();
  set.replace([cpu(data)]);
  for (const points of appends) set.append([cpu(points)], oldest);
  const [track] = set.tracks();
  expect(track?.t.map((time, i) => [time, track.v[i] ?? null])).toEqual(expected);
}

describe("live points are merged", () => {
  it("new ones at the end", () =>
    check([[1, 1]], [[[2, 2]], [[3, 3]]], 0, [
      [1, 1],
      [2, 2],
      [3, 3],
    ]));
  it("the same time twice: the last wins", () =>
    check(
      [
        [1, 1],
        [2, 2],
      ],
      [[[2, 9]]],
      0,
      [
        [1, 1],
        [2, 9],
      ],
    ));
  it("late ones in their place", () =>
    check(
      [
        [1, 1],
        [4, 4],
      ],
      [
        [
          [3, 3],
          [2, 2],
        ],
      ],
      0,
      [
        [1, 1],
        [2, 2],
        [3, 3],
        [4, 4],
      ],
    ));
  it("a value that is not finite stays a gap", () =>
    check([[1, 1]], [[[2, null]]], 0, [
      [1, 1],
      [2, null],
    ]));
});

describe("a set of series", () => {
  it("tells series apart by labels, in whatever order they come", () => {
    const set = new SeriesSet();
    set.replace([{ name: "x", labels: { a: "1", b: "2" }, points: [[1, 1]] }]);
    set.append([{ name: "x", labels: { b: "2", a: "1" }, points: [[2, 2]] }], 0);
    set.append([{ name: "x", labels: { a: "1" }, points: [[2, 2]] }], 0);
    expect(set.tracks().map((track) => track.t)).toEqual([[1, 2], [2]]);
  });

  it("forgets what left the window, many points at once", () => {
    const set = new SeriesSet();
    set.replace([cpu(Array.from({ length: 100 }, (_, i): Point => [i, i]))]);
    set.append([cpu([[100, 100]])], 10);
    expect(set.tracks()[0]?.t[0]).toBe(0);
    set.append([cpu([[101, 101]])], 50);
    expect(set.tracks()[0]?.t[0]).toBe(50);
  });

  it("drops a series that ended before the window", () => {
    const set = new SeriesSet();
    set.replace([cpu([[1, 1]]), cpu([[1, 1]], "system")]);
    set.append([cpu([[90, 1]])], 50);
    expect(set.tracks().map((track) => track.labels["mode"])).toEqual(["user"]);
    expect(set.end()).toBe(90);
  });

  it("a new window replaces all", () => {
    const set = new SeriesSet();
    set.replace([cpu([[1, 1]])]);
    set.replace([cpu([[5, 5]], "system")]);
    expect(set.tracks()).toHaveLength(1);
    expect(new SeriesSet().end()).toBeNull();
  });
});
