import { describe, expect, it } from "vitest";

import { placeLabels, ROWS_MAX, type Placed } from "../src/charts/labels";

/** Ten pixels a character. */
const room = (width = 1000) => ({
  left: 50,
  width,
  gap: 5,
  measure: (words: string) => [...words].length * 10,
});
const shown = (placed: Placed[]) => placed.map(({ words, row }) => `${row} ${words}`);

describe("names of marks", () => {
  it("that have room stand in one row, right of their lines", () => {
    const placed = placeLabels(
      [
        { x: 100, words: "deploy" },
        { x: 400, words: "cpu" },
      ],
      room(),
    );
    expect(placed).toEqual([
      { index: 0, words: "deploy", left: 105, width: 60, row: 0 },
      { index: 1, words: "cpu", left: 405, width: 30, row: 0 },
    ]);
  });

  it("that are the same and near are said once", () => {
    const marks = [300, 310, 305, 900].map((x) => ({ x, words: "slow cart" }));
    expect(shown(placeLabels(marks, room()))).toEqual(["0 3 × slow cart", "0 slow cart"]);
  });

  it("that would cover one another take rows, and beyond those none", () => {
    const marks = ["one", "two", "three", "four"].map((words, i) => ({ x: 300 + i, words }));
    const placed = placeLabels(marks, room());
    expect(shown(placed)).toEqual(["0 one", "1 two", "2 three"]);
    expect(placed).toHaveLength(ROWS_MAX);
  });

  it("never overlap nor leave the plot, however many and long they are", () => {
    for (let seed = 1; seed < 200; seed++) {
      let state = seed;
      const next = (most: number): number => {
        state = (state * 48271) % 2147483647;
        return state % most;
      };
      const width = 200 + next(800);
      const marks = Array.from({ length: 30 }, (_, i) => ({
        x: 50 + next(width),
        words: "é".repeat(1 + next(60)) + i,
      }));
      const placed = placeLabels(marks, room(width));
      expect(placed.length).toBeGreaterThan(0);
      for (const one of placed) {
        expect(one.left).toBeGreaterThanOrEqual(50);
        expect(one.left + one.width).toBeLessThanOrEqual(50 + width);
        for (const other of placed) {
          if (other === one || other.row !== one.row) continue;
          const apart =
            one.left >= other.left + other.width || other.left >= one.left + one.width;
          expect(apart, `${one.words} and ${other.words}`).toBe(true);
        }
      }
    }
  });

  it("that are long are cut", () => {
    const [one] = placeLabels([{ x: 60, words: "a very long name of an event" }], room(300));
    expect(one?.words).toBe("a very long…");
  });
});
