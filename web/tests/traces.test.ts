import { describe, expect, it } from "vitest";

import type { CallNode, Span } from "../src/api/traces";
import { entries } from "../src/pages/traces/calls";
import {
  closedOf,
  inTreeOrder,
  parentOf,
  rowOf,
  secondsBetween,
  visible,
} from "../src/pages/traces/tree";
import type { Row } from "../src/pages/traces/tree";
import { target } from "../src/pages/traces/waterfall";

/** `id<parent`, each beginning a second after the one before. */
function rows(...texts: string[]): Row[] {
  return texts.map((text, i) => {
    const [id = "", parent] = text.split("<");
    const span = {
      span_id: id,
      parent_id: parent ?? null,
      name: id,
      service: "s",
      kind: "server",
      start: `2026-11-22T10:00:${String(i % 60).padStart(2, "0")}Z`,
      duration: 1,
      status: "unset",
    } as Span;
    return rowOf(span, "2026-11-22T10:00:00Z", 0);
  });
}

const drawn = (list: readonly Row[]): string[] => list.map(({ id, depth }) => `${depth}${id}`);

describe("a waterfall", () => {
  it("puts what is called below its caller, in the order it began", () => {
    const found = inTreeOrder(rows("a", "b<a", "c<a", "d<b", "e<c"));
    expect(drawn(found)).toEqual(["0a", "1b", "2d", "1c", "2e"]);
    expect(found.map(({ below }) => below)).toEqual([4, 1, 0, 1, 0]);
  });

  it("loses no span, whatever its parent says", () => {
    expect(drawn(inTreeOrder(rows("a<gone", "b<a")))).toEqual(["0a", "1b"]);
    expect(drawn(inTreeOrder(rows("a<b", "b<a", "c")))).toEqual(["0c", "0a", "1b"]);
    expect(drawn(inTreeOrder(rows("a<a")))).toEqual(["0a"]);
    expect(drawn(inTreeOrder(rows("a", "a", "b<a")))).toEqual(["0a", "1b", "0a"]);
  });

  it("hides what is below a closed one", () => {
    const all = inTreeOrder(rows("a", "b<a", "d<b", "c<a"));
    expect(drawn(visible(all, new Set(["b"])))).toEqual(["0a", "1b", "1c"]);
    expect(drawn(visible(all, new Set(["a", "b"])))).toEqual(["0a"]);
    expect(parentOf(all, 2)).toBe(1);
    expect(parentOf(all, 3)).toBe(0);
    expect(parentOf(all, 0)).toBe(-1);
  });

  it("takes 100 000 spans, however deep", () => {
    const texts = Array.from({ length: 100_000 }, (_, i) => (i === 0 ? "0" : `${i}<${i - 1}`));
    const found = inTreeOrder(rows(...texts));
    expect(found.length).toBe(100_000);
    expect(found.at(-1)?.depth).toBe(99_999);
    expect(found[0]?.below).toBe(99_999);
  });

  it("opens small traces whole and large ones at their upper levels", () => {
    const small = inTreeOrder(rows("a", "b<a", "c<b"));
    expect(closedOf(small, new Set())).toEqual(new Set());
    expect(closedOf(small, new Set(["b"]))).toEqual(new Set(["b"]));
    const many = Array.from({ length: 3000 }, (_, i) => `x${i}<b`);
    const large = inTreeOrder(rows("a", "b<a", ...many));
    expect(closedOf(large, new Set())).toEqual(new Set(["b"]));
    expect(closedOf(large, new Set(["b"]))).toEqual(new Set());
  });

  it("keeps nanoseconds", () => {
    const from = "2026-11-22T10:00:00.999999999Z";
    expect(secondsBetween(from, "2026-11-22T10:00:01Z")).toBeCloseTo(1e-9, 12);
    expect(secondsBetween("2026-11-22T10:00:00Z", "2026-11-22T11:00:00.5Z")).toBe(3600.5);
  });

  it("is moved through by keys, never beyond its ends", () => {
    const all = rows("a", "b", "c");
    expect(target("ArrowDown", all, -1, 10)).toBe(0);
    expect(target("ArrowDown", all, 2, 10)).toBe(2);
    expect(target("PageUp", all, 2, 10)).toBe(0);
    expect(target("End", all, 0, 10)).toBe(2);
    expect(target("x", all, 0, 10)).toBe(null);
    expect(target("ArrowDown", [], -1, 10)).toBe(null);
  });
});

describe("a call tree", () => {
  const node = (name: string, ...children: CallNode[]): CallNode =>
    ({ name, service: "s", children }) as CallNode;

  it("shows what is open, siblings of one name apart", () => {
    const tree = [node("a", node("b", node("c")), node("b"))];
    const all = entries(tree, () => true);
    expect(all.map((entry) => `${entry.depth}${entry.node.name}`)).toEqual([
      "0a",
      "1b",
      "2c",
      "1b",
    ]);
    expect(new Set(all.map(({ path }) => path)).size).toBe(4);
    expect(entries(tree, ({ depth }) => depth === 0).length).toBe(3);
  });
});
