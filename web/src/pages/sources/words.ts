/**
 * What the page *Sources* says in words: its heading, the order of its rows, their reasons.
 *
 * Pure. A sender is a name that something came from; it has a row for each protocol and signal.
 */
import type { Destination, ScrapeJob, Source } from "../../api/types";
import { count, number } from "../../format";

export function total(refused: Record<string, number>): number {
  return Object.values(refused).reduce((sum, items) => sum + items, 0);
}

/** `4 no_name`, the most first. */
export function reasons(refused: Record<string, number>): string[] {
  const all = Object.entries(refused).sort(([, a], [, b]) => b - a);
  return all.map(([reason, items]) => `${count(items)} ${reason}`);
}

/** `1 target`, `2 targets`. */
function some(items: number, what: string): string {
  return `${count(items)} ${what}${items === 1 ? "" : "s"}`;
}

/**
 * Rows in order: senders with refusals first, then those that sent most; a sender's rows stay
 * together. By what came since the start, so that rows do not change places all the time.
 */
export function inOrder(sources: readonly Source[]): Source[] {
  const senders = new Map<string, { refused: number; received: number }>();
  for (const one of sources) {
    const sender = senders.get(one.source) ?? { refused: 0, received: 0 };
    sender.refused += total(one.refused);
    sender.received += one.received;
    senders.set(one.source, sender);
  }
  const of = (one: Source) => senders.get(one.source) ?? { refused: 0, received: 0 };
  const refuses = (items: number): number => (items > 0 ? 1 : 0);
  return [...sources].sort(
    (a, b) =>
      refuses(of(b).refused) - refuses(of(a).refused) ||
      of(b).received - of(a).received ||
      a.source.localeCompare(b.source) ||
      refuses(total(b.refused)) - refuses(total(a.refused)) ||
      b.received - a.received,
  );
}

/** The page's first sentence: how many send here, and what of it wants a look. */
export function title(
  sources: readonly Source[],
  jobs: readonly ScrapeJob[],
  destinations: readonly Destination[],
): string {
  const parts = [senders(sources)];
  const down = jobs.reduce((sum, job) => sum + job.down, 0);
  if (down > 0) parts.push(`${some(down, "scrape target")} ${down === 1 ? "is" : "are"} down`);
  const stuck = destinations.filter((one) => one.state === "stuck").length;
  if (stuck > 0) parts.push(`${some(stuck, "destination")} ${stuck === 1 ? "is" : "are"} stuck`);
  const refusing = destinations.filter((one) => one.state === "refusing").length;
  const verb = refusing === 1 ? "refuses" : "refuse";
  if (refusing > 0) parts.push(`${some(refusing, "destination")} ${verb} some of it`);
  return `${parts.join("; ")}.`;
}

function senders(sources: readonly Source[]): string {
  const all = new Set(sources.map((one) => one.source)).size;
  if (all === 0) return "Nothing sends here yet";
  const refused = sources.filter((one) => total(one.refused) > 0);
  const troubled = new Set(refused.map((one) => one.source)).size;
  if (troubled === 0) return `${some(all, "sender")}, nothing refused`;
  const which = all === 1 ? "" : `${count(troubled)} `;
  return `${some(all, "sender")}, ${which}with something refused`;
}

/** The line below it. */
export function detail(sources: readonly Source[]): string {
  if (sources.length === 0) return "Point a program here with one of the lines below.";
  const rate = sources.reduce((sum, one) => sum + one.rate, 0);
  return `${number(rate)} items a second came lately. Counted since the start.`;
}
