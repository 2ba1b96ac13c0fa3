import { describe, expect, it } from "vitest";

import type { Stats } from "../src/api/services";
import { changeInShort, changeOf, originInWords, rateInWords } from "../src/components/measure";
import { inOrder } from "../src/components/order";
import { money, part, tokens } from "../src/pages/agents/words";
import { layersOf } from "../src/pages/services/layers";
import { failedShare, libraryChartsOf, ofService, quoted } from "../src/pages/services/specs";

const plain = (words: string): string => words.replace(/[\u202f\u00a0]/g, " ");

describe("figures", () => {
  it("tell a rate in a unit worth reading", () => {
    const cases: [number | null, string][] = [
      [null, "–"],
      [0, "0"],
      [12.41, "12.4/s"],
      [0.1, "0.10/s"],
      [0.05, "3.00/min"],
      [1 / 3600, "1.00/h"],
    ];
    for (const [rate, words] of cases) expect(plain(rateInWords(rate))).toBe(words);
  });

  it("tell a change only where both are known", () => {
    const words = (now: number | null, before: number | null): string =>
      plain(changeInShort(changeOf(now, before)));
    expect(words(118, 100)).toBe("+18 %");
    expect(words(1.004, 1)).toBe("+0.4 %");
    expect(words(1, 1.0001)).toBe("±0 %");
    expect(words(50, 100)).toBe("−50 %");
    expect(words(100_000, 1)).toBe(">+999 %");
    expect(words(1, 0)).toBe("");
    expect(words(null, 1)).toBe("");
  });

  it("say where they come from", () => {
    const stats = { source: "spans", relative_error: 0.0054 } as Stats;
    expect(plain(originInWords(stats))).toContain("percentiles within 0.54 %");
    expect(originInWords({ ...stats, source: "buckets" })).toContain("somewhere in its bucket");
    expect(originInWords({ ...stats, source: null })).toBe("");
  });

  it("never tell a cost of zero where no price is known", () => {
    expect(money({ cost: null, currency: "USD" })).toBe("no price");
    expect(plain(money({ cost: 0.0042, currency: "USD" }))).toBe("$ 0.0042");
    expect(plain(money({ cost: 12.4, currency: "USD" }))).toBe("$ 12.4");
    expect(plain(tokens(1_640_000))).toBe("1.64 M");
    expect(plain(tokens(9_999))).toBe("9 999");
    expect(tokens(null)).toBe("–");
    expect(plain(part(60, 100, "cached"))).toBe("60 % cached");
    expect(part(null, 100, "cached")).toBe("");
  });
});

describe("tables", () => {
  it("order by a heading, what is unknown last both ways", () => {
    const rows = [{ v: 1 }, { v: null }, { v: 3 }];
    const columns = [{ key: "v", by: (row: { v: number | null }) => row.v }];
    const order = (text: string) => inOrder(rows, columns, text).map(({ v }) => v);
    expect(order("v")).toEqual([3, 1, null]);
    expect(order("-v")).toEqual([1, 3, null]);
    expect(order("unknown")).toEqual([1, null, 3]);
  });

  it("order names from A first", () => {
    const rows = ["b", "a", "c"];
    const columns = [{ key: "n", by: (row: string) => row }];
    expect(inOrder(rows, columns, "n")).toEqual(["a", "b", "c"]);
    expect(inOrder(rows, columns, "-n")).toEqual(["c", "b", "a"]);
  });
});

describe("the service map", () => {
  const link = (text: string) => {
    const [client = "", server = ""] = text.split(">");
    return { client, server };
  };
  const columns = (...links: string[]): string[][] =>
    layersOf([...new Set(links.flatMap((text) => text.split(">")))], links.map(link)).columns;

  it("leads from who asks to who is asked", () => {
    expect(columns("web>shop", "shop>db")).toEqual([["web"], ["shop"], ["db"]]);
    expect(columns("web>shop", "web>db", "shop>db")).toEqual([["web"], ["shop"], ["db"]]);
  });

  it("holds every name once, whatever goes in circles", () => {
    const found = columns("a>b", "b>c", "c>a", "c>c", "d>c").flat();
    expect(found.toSorted()).toEqual(["a", "b", "c", "d"]);
  });

  it("is the same in whatever order it arrives", () => {
    const links = ["web>shop", "web>cart", "shop>db", "cart>redis", "batch>db"];
    expect(columns(...links)).toEqual(columns(...links.toReversed()));
  });

  it("puts who asks beside whom it asks, without crossings that can be avoided", () => {
    const found = columns("a>y", "b>x");
    expect(found[0]?.length).toBe(2);
    const at = (name: string): number => found.findIndex((column) => column.includes(name));
    const row = (name: string): number => found[at(name)]?.indexOf(name) ?? -1;
    expect(row("a")).toBe(row("y"));
    expect(row("b")).toBe(row("x"));
  });

  it("ends on a long chain", () => {
    const chain = Array.from({ length: 400 }, (_, i) => `n${i}>n${i + 1}`);
    expect(columns(...chain).length).toBe(401);
  });
});

describe("charts of a service", () => {
  it("write any name as a selector", () => {
    expect(quoted('a"b\\c\nd')).toBe('"a\\"b\\\\c\\nd"');
    expect(ofService("shop", false)).toBe('service="shop"');
  });

  it("come from the library's own metrics where there are no spans", () => {
    const { latency, rate } = libraryChartsOf("x", "a.b", "buckets");
    const of = (metric: string): string => `${metric}{job=~"(.*/)?a\\\\.b"}`;
    expect(rate.queries[0]?.match).toBe(of("http_server_request_duration_seconds_count"));
    const track = (v: number[]) => [{ name: "x", labels: {}, t: [1, 2], v }];
    expect(latency.lines([track([0.3, 0]), track([10, 0])])[0]?.v).toEqual([0.03, 0]);
    expect(libraryChartsOf("x", "a", "histograms").latency.queries.map(({ agg }) => agg)).toEqual([
      "p50",
      "p95",
      "p99",
    ]);
  });

  it("take a silence about failures for none, where something was done", () => {
    const track = (t: number[], v: number[]) => ({ name: "x", labels: {}, t, v });
    expect(failedShare(track([1, 2], [4, 4]), null)?.v).toEqual([0, 0]);
    expect(failedShare(track([1, 2], [4, 4]), track([2], [1]))?.v).toEqual([0, 25]);
    expect(failedShare(null, track([2], [1]))).toBe(null);
  });
});
