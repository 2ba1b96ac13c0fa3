import { describe, expect, it } from "vitest";

import { buildFrame, highest, summarise, type Line } from "../src/charts/frame";
import { niceScale, tickLabel } from "../src/charts/scale";
import { combine, largest, share, sum } from "../src/pages/overview/tracks";
import type { Track } from "../src/state/series";

const line = (t: number[], v: (number | null)[]): Line => ({ label: "x", color: "--s1", t, v });
const track = (t: number[], v: (number | null)[], labels = {}): Track => ({
  name: "x",
  labels,
  t,
  v,
});

describe("frames", () => {
  it("share one list of times; a time a line lacks is drawn through", () => {
    const frame = buildFrame([line([1, 2, 3], [1, 2, 3]), line([1, 3], [5, 6])], false);
    expect(frame.times).toEqual([1, 2, 3]);
    expect(frame.columns).toEqual([
      [1, 2, 3],
      [5, undefined, 6],
    ]);
  });

  it("a silence breaks the line", () => {
    const frame = buildFrame([line([1, 2, 3, 9, 10], [1, 1, 1, 1, 1])], false);
    expect(frame.times).toEqual([1, 2, 3, 4, 9, 10]);
    expect(frame.columns[0]).toEqual([1, 1, 1, null, 1, 1]);
  });

  it("a stack sums upwards and keeps each line's own value", () => {
    const frame = buildFrame([line([1, 2], [1, 2]), line([1, 2], [10, null])], true);
    expect(frame.columns).toEqual([
      [1, 2],
      [11, 2],
    ]);
    expect(frame.values).toEqual([
      [1, 2],
      [10, null],
    ]);
  });

  it("a stack is broken where no line has a value", () => {
    const frame = buildFrame([line([1, 2], [1, null]), line([1, 2], [1, null])], true);
    expect(frame.columns).toEqual([
      [1, null],
      [2, null],
    ]);
  });

  it("the highest value is looked for only in what is shown", () => {
    const frame = buildFrame([line([1, 2, 3], [9, 2, 1])], false);
    expect(highest(frame, 2, 3)).toBe(2);
    expect(highest(frame, 7, 8)).toBe(-Infinity);
  });

  it("a summary leaves gaps out", () => {
    const [row] = summarise([line([1, 2, 3, 4], [2, null, 4, 9])], 1, 3);
    expect(row).toEqual({ label: "x", last: 4, mean: 3, min: 2, max: 4 });
  });
});

describe("scales", () => {
  it.each([
    [17, 4, "%", 20],
    [0, 4, "%", 4],
    [101, 4, "%", 150],
    [1.3, 0.5, "", 1.5],
    [9.1 * 1024 ** 3, 1, "B", 12 * 1024 ** 3],
    [-Infinity, 2, "%", 2],
  ])("%s (at least %s %s) reaches %s", (most, floor, unit, max) => {
    expect(niceScale(most, floor, unit).max).toBeCloseTo(max, 6);
  });

  it("has at most six ticks and ends on one", () => {
    for (let most = 0.01; most < 1e6; most *= 1.37) {
      for (const unit of ["%", "B"]) {
        const { max, ticks } = niceScale(most, 0.001, unit);
        expect(ticks.length).toBeLessThanOrEqual(6);
        expect(ticks[ticks.length - 1]).toBeCloseTo(max, 6);
        expect(max).toBeGreaterThanOrEqual(most * 0.999);
      }
    }
  });

  it.each([
    [0, "%", "0"],
    [20, "%", "20\u00a0%"],
    [1.5, "", "1.5"],
    [0.25, "", "0.25"],
    [8 * 1024 ** 3, "B", "8\u00a0GiB"],
    [200, "%", "200\u00a0%"],
  ])("a tick at %s %s reads %s", (value, unit, words) => {
    expect(tickLabel(value, unit)).toBe(words);
  });
});

describe("tracks", () => {
  it("sums over what is there", () => {
    const total = sum([track([1, 2], [1, null]), track([2, 3], [5, 7])]);
    expect([total?.t, total?.v]).toEqual([
      [1, 2, 3],
      [1, 5, 7],
    ]);
    expect(sum([])).toBeNull();
  });

  it("combines only times that both have", () => {
    const both = combine(track([1, 2, 3], [9, 9, null]), track([2, 3], [4, 4]), (a, b) => a - b);
    expect([both.t, both.v]).toEqual([
      [2, 3],
      [5, null],
    ]);
    expect(share(track([1], [1]), track([1], [0])).v).toEqual([0]);
  });

  it("folds the small into others and keeps colours while ranks change", () => {
    const named = (values: number[]) =>
      values.map((value, i) => track([1], [value], { groupname: `p${i}` }));
    const fold = largest("groupname");
    const before = fold(named([9, 8, 7, 6, 5, 2, 1]));
    expect(before.map(({ label }) => label)).toEqual(["p0", "p1", "p2", "p3", "p4", "others"]);
    expect(before[5]?.v).toEqual([3]);
    const after = fold(named([1, 8, 9, 6, 5, 7, 0]));
    const color = (lines: Line[], label: string) => lines.find((x) => x.label === label)?.color;
    expect(color(after, "p2")).toBe(color(before, "p2"));
    expect(color(after, "p5")).toBe(color(before, "p0"));
  });
});
