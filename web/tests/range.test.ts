import { describe, expect, it } from "vitest";

import {
  coarser,
  neighbour,
  parseView,
  RANGES,
  requestFor,
  roundedExtent,
  shownWindow,
  stepFor,
  viewParams,
} from "../src/state/range";

const LIVE = { range: "1h", from: null, to: null } as const;

describe("what is observed now and then", () => {
  it.each([
    [300, 1, 15],
    [900, 2, 15],
    [3600, 10, 60],
    [86_400, 180, 1200],
    [2_592_000, 7200, 43_200],
  ])("%s s are drawn with fewer points than samples are", (window, step, coarse) => {
    expect(coarser({ kind: "live", window, step }, 90).step).toBe(coarse);
    const fixed = { kind: "fixed", from: 1000, to: 1000 + window, step } as const;
    expect(coarser(fixed, 90).step).toBe(coarse);
    expect(coarser(fixed, Infinity).step).toBe(step);
  });
});

describe("steps", () => {
  it.each([
    [60, 1],
    [300, 1],
    [900, 2],
    [3600, 10],
    [21_600, 60],
    [86_400, 180],
    [604_800, 1200],
    [2_592_000, 7200],
    [315_360_000, 604_800],
    [3_153_600_000, 9 * 604_800],
  ])("%s s are drawn with %s s", (seconds, step) => expect(stepFor(seconds)).toBe(step));

  it("every range gets 300 to 600 points", () => {
    for (const { seconds } of RANGES) {
      if (seconds === Infinity) continue;
      const points = seconds / stepFor(seconds);
      expect(points).toBeGreaterThanOrEqual(300);
      expect(points).toBeLessThanOrEqual(600);
    }
  });
});

describe("requests", () => {
  it("a live view asks for its range", () => {
    expect(requestFor(LIVE, Infinity)).toEqual({ kind: "live", window: 3600, step: 10 });
  });

  it("a short history is drawn finer than its range needs", () => {
    expect(requestFor(LIVE, 480)).toEqual({ kind: "live", window: 3600, step: 1 });
  });

  it("no step is finer than samples come", () => {
    expect(requestFor(LIVE, 480, 30)).toEqual({ kind: "live", window: 3600, step: 30 });
    expect(stepFor(300, 45)).toBe(60);
  });

  it("all waits until the history's start is known", () => {
    const all = { range: "all", from: null, to: null } as const;
    expect(requestFor(all, Infinity)).toBeNull();
    expect(requestFor(all, 7680)).toEqual({ kind: "live", window: 7680, step: 15 });
  });

  it("a pause keeps the range, a zoom has its own", () => {
    const paused = { range: "5m", from: null, to: 1000 } as const;
    expect(requestFor(paused, Infinity)).toEqual({ kind: "fixed", from: 700, to: 1000, step: 1 });
    const zoomed = { range: "7d", from: 100.2, to: 159.5 } as const;
    expect(requestFor(zoomed, Infinity)).toEqual({ kind: "fixed", from: 100, to: 160, step: 1 });
  });

  it("the extent changes only when the history doubles", () => {
    expect(roundedExtent(null, 0)).toBe(Infinity);
    expect(roundedExtent(0, 61)).toBe(120);
    expect(roundedExtent(0, 120)).toBe(120);
    expect(roundedExtent(0, 121)).toBe(240);
  });
});

describe("the stretch shown", () => {
  it("ends at the latest point and is as long as the range", () => {
    expect(shownWindow(LIVE, 10_000, null)).toEqual([6400, 10_000]);
  });
  it("begins with the data, but is never under a minute", () => {
    expect(shownWindow(LIVE, 10_000, 9000)).toEqual([9000, 10_000]);
    expect(shownWindow(LIVE, 10_000, 9990)).toEqual([9940, 10_000]);
  });
  it("a zoom is taken as it is", () => {
    expect(shownWindow({ range: "1h", from: 5, to: 9 }, 10_000, 9000)).toEqual([5, 9]);
  });
});

describe("the address", () => {
  it.each([
    { range: "5m", from: null, to: null },
    { range: "24h", from: null, to: 1795269720 },
    { range: "all", from: 1795269000, to: 1795269720 },
  ] as const)("round trip of %j", (view) => expect(parseView(viewParams(view))).toEqual(view));

  it.each([
    ["range=3y", { range: "5m", from: null, to: null }],
    ["range=1h&from=9", { range: "1h", from: null, to: null }],
    ["range=1h&from=9&to=5", { range: "1h", from: null, to: null }],
    ["range=1h&to=NaN", { range: "1h", from: null, to: null }],
    ["range=1h&to=2026-11-21T14:02:00Z", { range: "1h", from: null, to: 1795269720 }],
  ])("%s is read safely", (text, view) => {
    expect(parseView(new URLSearchParams(text))).toEqual(view);
  });

  it("the list of ranges has two ends", () => {
    expect(neighbour("5m", -1)).toBe("5m");
    expect(neighbour("5m", 2)).toBe("1h");
    expect(neighbour("all", 1)).toBe("all");
  });
});
