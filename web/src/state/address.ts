/**
 * How a view is written after the `#` of the address, and read back.
 *
 * `#/PAGE/SUBJECT?range=1h&KEY=TEXT`. What cannot be read is the overview, never an error: an
 * address is typed by people. Pure.
 */
import { parseView, viewParams, type View } from "./range";

export const PAGES = [
  "overview",
  "alerts",
  "services",
  "agents",
  "traces",
  "sources",
  "baselines",
] as const;

export type Page = (typeof PAGES)[number];

/** A page's own keys and texts: how a table is sorted, what is searched for. */
export type Own = Readonly<Record<string, string>>;

export interface Address {
  page: Page;
  subject: string | null;
  own: Own;
  view: View;
}

const TIME_KEYS: readonly string[] = ["range", "from", "to"];

/** Stands for the name that is no name: nothing behind the slash would be the list. */
const NAMELESS = "~";

export function parseAddress(hash: string): Address {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [first = "", ...rest] = path.split("/");
  const page = PAGES.find((known) => known === first) ?? "overview";
  const params = new URLSearchParams(query);
  const own = [...params].filter(([key, text]) => !TIME_KEYS.includes(key) && text !== "");
  const written = rest.join("/");
  return {
    page,
    subject: written === "" ? null : written === NAMELESS ? "" : decoded(written),
    own: Object.fromEntries(own),
    view: parseView(params),
  };
}

export function formatAddress({ page, subject, own, view }: Address): string {
  const params = viewParams(view);
  for (const [key, text] of Object.entries(own)) params.set(key, text);
  const first = page === "overview" ? "" : page;
  const name = subject === "" ? NAMELESS : subject === NAMELESS ? "%7E" : encoded(subject);
  return `#/${first}${name === null ? "" : `/${name}`}?${params}`;
}

function encoded(name: string | null): string | null {
  return name === null ? null : encodeURIComponent(name);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
