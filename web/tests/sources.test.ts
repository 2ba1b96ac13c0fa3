import { describe, expect, it } from "vitest";

import type { Destination, ScrapeJob, Source } from "../src/api/types";
import { inOrder, reasons, title } from "../src/pages/sources/words";

const source = (
  name: string,
  received = 1,
  refused: Record<string, number> = {},
  signal = "samples",
): Source => ({
  protocol: "otlp",
  signal,
  source: name,
  received,
  accepted: received,
  filtered: 0,
  refused,
  delayed: 0,
  rate: 1,
  last: "2026-11-21T14:02:00Z",
  delay_seconds: null,
});
const job = (down: number): ScrapeJob => ({
  job: "node",
  targets: down + 1,
  up: 1,
  down,
  problems: [],
  problems_more: 0,
});
const destination = (state: string): Destination => ({
  name: state,
  url: "https://central",
  state,
  sent: 0,
  waiting: 0,
  waiting_bytes: 0,
  delay_seconds: 0,
  dropped: {},
  error: null,
  refusal: null,
});

describe("the heading of the sources", () => {
  it("counts senders, not rows", () => {
    const rows = [
      source("shop", 1, {}, "samples"),
      source("shop", 1, { too_old: 1 }, "spans"),
      source("shop", 1, { too_old: 1 }, "logs"),
      source("cart"),
    ];
    expect(title(rows, [], [])).toBe("2 senders, 1 with something refused.");
    expect(title(rows.slice(0, 1), [], [])).toBe("1 sender, nothing refused.");
    expect(title(rows.slice(1, 3), [], [])).toBe("1 sender, with something refused.");
    expect(title([], [], [])).toBe("Nothing sends here yet.");
  });

  it("says what is down, stuck or refused, in the right number", () => {
    expect(title([source("a")], [job(1)], [destination("stuck"), destination("healthy")])).toBe(
      "1 sender, nothing refused; 1 scrape target is down; 1 destination is stuck.",
    );
    const all = ["stuck", "stuck", "refusing", "retrying"].map(destination);
    expect(title([], [job(1), job(2)], all)).toBe(
      "Nothing sends here yet; 3 scrape targets are down; 2 destinations are stuck; " +
        "1 destination refuses some of it.",
    );
  });
});

describe("rows", () => {
  it("begin with who was refused something, and keep a sender's together", () => {
    const rows = inOrder([
      source("busy", 1000),
      source("small", 2, {}, "logs"),
      source("busier", 2000),
      source("small", 1, { no_name: 1 }, "spans"),
    ]);
    const shown = rows.map((row) => `${row.source} ${row.signal}`);
    expect(shown).toEqual(["small spans", "small logs", "busier samples", "busy samples"]);
  });

  it("say why, the most first", () => {
    const plain = reasons({ bad_value: 1, no_name: 1204 }).map((words) =>
      words.replace(/\u202f/g, " "),
    );
    expect(plain).toEqual(["1 204 no_name", "1 bad_value"]);
  });
});
