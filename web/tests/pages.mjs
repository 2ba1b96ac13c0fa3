// What the browser test asserts of services, agents and traces: that a reader finds them, is led
// from one to the other, and moves through a large trace without waiting.
import { QUERIES } from "./shop.mjs";

const WAIT = { timeout: 20_000 };
/** More rows than these are never in the document, however many there are. */
const ROWS_DRAWN_MAX = 150;
const END_MS_MAX = 1500;

const own = (page) => new URLSearchParams(new URL(page.url()).hash.split("?")[1]);
const path = (page) => new URL(page.url()).hash.split("?")[0];

/** From the list of services to one, to an endpoint's example, to its trace. */
export async function services(page, expect) {
  await page.evaluate(() => (location.hash = "#/services?range=5m"));
  const link = page.locator('table[aria-label="Services"] a', { hasText: /^shop$/ });
  await link.waitFor(WAIT);
  const row = { has: page.getByRole("link", { name: "shop", exact: true }) };
  const cells = flat(await page.locator('table[aria-label="Services"] tr', row).innerText());
  expect(/\d\/(s|min)/.test(cells) && /\d (ms|s)/.test(cells), `a service is told: ${cells}`);
  await link.click();
  await page.getByRole("heading", { level: 1, name: /^shop answers/ }).waitFor(WAIT);
  expect(path(page) === "#/services/shop", "its name leads to its page");
  await page.locator('[data-chart="service-latency"] .plot').waitFor(WAIT);
  await page.getByRole("button", { name: /^p95/ }).first().click();
  expect(own(page).get("by-endpoints") === "p95", "a heading sorts, in the address");
  await page.reload();
  await page.locator('th[aria-sort="descending"]').waitFor(WAIT);
  expect(true, "a reload keeps the order");
  const endpoint = page.getByRole("button", { name: "GET /orders/{id}" });
  await endpoint.click();
  expect((await endpoint.getAttribute("aria-expanded")) === "true", "an endpoint opens");
  const example = page.locator('.leads a[href*="/traces/"]').first();
  await example.waitFor(WAIT);
  await example.click();
  await page.getByRole("tree", { name: "Spans" }).waitFor(WAIT);
  expect(/^#\/traces\/[0-9a-f]{32}$/.test(path(page)), "its example leads to a trace");
}

const flat = (words) => words.replace(/\s+/g, " ").trim();

/** Arrows move through a trace; what a span says is beside it. */
export async function trace(page, expect) {
  const tree = page.getByRole("tree", { name: "Spans" });
  const range = own(page).get("range");
  await tree.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  const chosen = page.locator('[role="treeitem"][aria-selected="true"]');
  const words = await chosen.getAttribute("aria-label");
  expect(words.startsWith("SELECT items, shop"), `arrows choose a span: ${words}`);
  expect(own(page).get("span")?.length === 16, "the chosen span is in the address");
  await page.locator(".panel .pairs").first().waitFor(WAIT);
  const panel = flat(await page.locator(".panel").innerText());
  expect(panel.includes("row"), "its attributes are beside it");
  const before = await page.getByRole("treeitem").count();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  const closed = await page.getByRole("treeitem").count();
  expect(closed < before && before > QUERIES, `closing hides what is below: ${before}, ${closed}`);
  expect(own(page).get("range") === range, "the range stays as it was");
  await page.getByRole("button", { name: "Where the time goes" }).click();
  await page.getByText(/calls SELECT items 12 times/).waitFor(WAIT);
  expect(true, "calls made one by one are told");
}

/** The search, then a trace of many thousand spans. */
export async function search(page, expect) {
  await page.evaluate(() => (location.hash = "#/traces?range=15m"));
  const found = page.locator('table[aria-label="Traces found"]');
  await found.waitFor(WAIT);
  await page.locator('select[name="service"]').selectOption("catalog");
  await page.waitForFunction(() => /service=catalog/.test(location.hash));
  const link = found.locator("a", { hasText: "reindex" }).first();
  await found
    .getByText("orders")
    .first()
    .waitFor({ ...WAIT, state: "detached" });
  await link.click();
  const tree = page.getByRole("tree", { name: "Spans" });
  await tree.waitFor(WAIT);
  await page.getByText(/so far/).waitFor({ timeout: 60_000, state: "detached" });
  await page.getByRole("button", { name: "Open all" }).click();
  const rows = Number(await tree.getAttribute("data-rows"));
  expect(rows >= 20_000, `a large trace is there whole: ${rows} rows`);
  await tree.focus();
  const ms = await page.evaluate(toTheEnd);
  const drawn = await page.getByRole("treeitem").count();
  expect(drawn > 5 && drawn < ROWS_DRAWN_MAX, `only what is in sight is drawn: ${drawn} rows`);
  expect(ms < END_MS_MAX, `its end is drawn ${Math.round(ms)} ms after the jump`);
}

/** Jumps to the end, and tells how long it took until something was drawn there. */
async function toTheEnd() {
  const tree = document.querySelector('[role="tree"]');
  const began = performance.now();
  tree.scrollTop = tree.scrollHeight;
  const seen = () => {
    const below = tree.getBoundingClientRect().bottom;
    return [...tree.querySelectorAll('[role="treeitem"]')].some((row) => {
      const { top, bottom } = row.getBoundingClientRect();
      return top < below && bottom > below - 60;
    });
  };
  while (!seen()) await new Promise(requestAnimationFrame);
  return performance.now() - began;
}

/** An agent, its figures, and its newest run's trace. */
export async function agents(page, expect) {
  await page.evaluate(() => (location.hash = "#/agents?range=5m"));
  const link = page.locator('table[aria-label="Agents"] a', { hasText: /^clerk$/ });
  await link.waitFor(WAIT);
  await link.click();
  await page.getByRole("heading", { level: 1, name: /^clerk: / }).waitFor(WAIT);
  const figures = flat(await page.locator(".figures").innerText());
  expect(/Tokens in [\d.]+/.test(figures), `an agent's use is told: ${figures}`);
  await page.locator('section[aria-label="Newest runs"] td a').first().click();
  await page.getByRole("tree", { name: "Spans" }).waitFor(WAIT);
  expect(true, "a run leads to its trace");
}
