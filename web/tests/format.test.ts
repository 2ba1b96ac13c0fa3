import { describe, expect, it } from "vitest";

import {
  change,
  count,
  duration,
  exact,
  number,
  parseTime,
  quantity,
  span,
  text,
} from "../src/format";

/** Spaces of all widths as plain ones, so that expectations can be read. */
const plain = (words: string): string => words.replace(/[\u202f\u00a0]/g, " ");

describe("number keeps three significant digits", () => {
  it.each([
    [0, "0.00"],
    [0.004, "0.00"],
    [0.123, "0.12"],
    [1.236, "1.24"],
    [9.994, "9.99"],
    [9.996, "10.0"],
    [12.34, "12.3"],
    [99.94, "99.9"],
    [99.96, "100"],
    [366, "366"],
    [18432, "18 432"],
    [-9.3, "\u22129.30"],
    [-0.001, "0.00"],
    [null, "–"],
    [NaN, "–"],
  ])("%s is %s", (value, words) => expect(plain(number(value))).toBe(words));

  it("never needs more than four characters below a thousand", () => {
    for (let value = 0; value < 999; value += 0.37) expect(number(value).length).toBeLessThan(5);
  });
});

describe("quantity chooses a unit", () => {
  it.each([
    [0, "B", "0 B"],
    [512, "B", "512 B"],
    [1015, "B", "0.99 KiB"],
    [9.1 * 1024 ** 3, "B", "9.10 GiB"],
    [1023 * 1024, "B/s", "1.00 MiB/s"],
    [12.3, "%", "12.3 %"],
    [0.0004, "s", "400 µs"],
    [0.366, "s", "366 ms"],
    [6.2, "s", "6.20 s"],
    [1240, "req/s", "1 240 req/s"],
    [48_200, "tokens", "48.2 ktokens"],
    [1.5, "", "1.50"],
    [null, "%", "–"],
    [2048, "By", "2.00 KiB"],
    [2048, "By/s", "2.00 KiB/s"],
    [5.1, "MBy/s", "5.10 MB/s"],
    [3, "1", "3.00"],
    [212, "{process}", "212 process"],
    [2, "seconds", "2.00 s"],
    [0, "s", "0.00 s"],
  ])("%s %s is %s", (value, unit, words) => expect(plain(text(value, unit))).toBe(words));

  it("says a shared unit once", () => {
    expect(plain(span(9.99, 18.8, "%"))).toBe("9.99 – 18.8 %");
    expect(plain(span(512, 2048, "B"))).toBe("0.50 – 2.00 KiB");
  });

  it.each([
    [0.0031, "%", "0.0031 %"],
    [-0.00004, "", "\u22120.00004"],
    [0.25, "", "0.25"],
    [0, "%", "0.00 %"],
    [null, "%", "–"],
  ])("%s %s is exactly %s", (value, unit, words) => expect(plain(exact(value, unit))).toBe(words));

  it("scales like its neighbour", () => {
    expect(quantity(950 * 1024, "By/s", 1.2 * 1024 ** 2)).toEqual({ value: "0.93", unit: "MiB/s" });
    expect(quantity(null, "B", 2048)).toEqual({ value: "–", unit: "KiB" });
  });

  it("keeps the unit of an unknown value, so that nothing jumps when it comes", () => {
    expect(quantity(null, "%")).toEqual({ value: "–", unit: "%" });
  });
});

describe("words", () => {
  it.each([
    [18.2, "+18.2 %"],
    [-9.3, "\u22129.30 %"],
    [0, "0.00 %"],
    [17072, ">+999 %"],
    [null, "–"],
  ])("change of %s is %s", (value, words) => expect(plain(change(value))).toBe(words));

  it.each([
    [0, "0 s"],
    [59.6, "1 min"],
    [312, "5 min 12 s"],
    [3600, "1 h"],
    [7260, "2 h 1 min"],
    [86_400 * 3 + 3600 * 4 + 59, "3 d 4 h"],
    [null, "–"],
  ])("duration of %s is %s", (value, words) => expect(plain(duration(value))).toBe(words));

  it("parts thousands", () => {
    expect(plain(count(18432))).toBe("18 432");
    expect(plain(count(1_234_567))).toBe("1 234 567");
    expect(count(undefined)).toBe("–");
  });

  it("reads RFC 3339 and unix seconds", () => {
    expect(parseTime("2026-11-21T14:02:00Z")).toBe(1795269720);
    expect(parseTime(1795269720.5)).toBe(1795269720.5);
    expect(parseTime("soon")).toBeNull();
    expect(parseTime(null)).toBeNull();
  });
});
