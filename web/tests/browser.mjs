// Drives the page in a real browser: node tests/browser.mjs BASE_URL
//
// SCREENSHOTS=folder takes pictures, dark and light, phone to wide · EXPECT_ALERT=1 waits for an
// alert (ALERT_SECONDS, 90) · CHROMIUM names another browser. Works against any server that
// speaks docs/api.md; exits 1 with every failed expectation named.
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { chromium } from "playwright-core";

import * as pages from "./pages.mjs";
import { sendShop } from "./shop.mjs";

const base = process.argv[2] ?? process.env.BASE_URL ?? "http://127.0.0.1:8090";
const folder = process.env.SCREENSHOTS;
const FIRST_CHART_MS_MAX = 1000;
const FIRST_CHART_TRIES = 5;
const SIZES = { phone: [390, 844], laptop: [1440, 900], wide: [1920, 1080] };

const failures = [];
function expect(ok, words) {
  console.log(`${ok ? "ok  " : "FAIL"} ${words}`);
  if (!ok) failures.push(words);
}

/** A fresh context whose page reports what goes wrong in it. */
async function open(browser, options, address = "/") {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") failures.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => failures.push(`page: ${error.message}`));
  await page.goto(new URL(address, base).href);
  return { context, page };
}

const viewport = ([width, height]) => ({ viewport: { width, height } });
const cpu = (page) => page.locator('[data-chart="cpu"] .plot');
const number = async (locator, name) => Number(await locator.getAttribute(name));
const search = (page) => new URLSearchParams(new URL(page.url()).hash.split("?")[1]);
const pressed = (page) =>
  page.locator('.seg[aria-label="Range"] [aria-pressed="true"]').innerText();

/** The median of a few fresh contexts, as the first one also pays for the browser's own start. */
async function firstChart(browser) {
  const times = [];
  for (let i = 0; i < FIRST_CHART_TRIES; i++) {
    const { context, page } = await open(browser, viewport(SIZES.laptop));
    await cpu(page).waitFor({ timeout: 15_000 });
    times.push(
      await page.evaluate(() => performance.getEntriesByName("first-chart")[0]?.startTime),
    );
    await context.close();
  }
  times.sort((a, b) => a - b);
  const ms = times[times.length >> 1];
  const all = times.map(Math.round).join(", ");
  expect(ms < FIRST_CHART_MS_MAX, `the first chart is drawn in ${Math.round(ms)} ms (${all})`);
}

async function moves(page) {
  await page.waitForTimeout(1500);
  const before = await number(cpu(page), "data-end");
  const points = await number(cpu(page), "data-points");
  const picture = await canvas(page);
  await page.waitForTimeout(3200);
  const after = await number(cpu(page), "data-end");
  const now = await number(cpu(page), "data-points");
  expect(after - before >= 2, `the CPU chart moves on by ${after - before} s in 3 s`);
  // A full window drops old points now and then, a few dozen at once.
  expect(now > points || points > 300, `its points grow: ${points}, then ${now}`);
  expect((await canvas(page)) !== picture, "its canvas is drawn again");
}

const canvas = (page) => page.evaluate(() => document.querySelector("canvas").toDataURL());

async function keeps(page) {
  await page.keyboard.press("k");
  await page.keyboard.press("k");
  expect((await pressed(page)) === "1 h", "k twice leads from 5 m to 1 h");
  while ((await page.evaluate(() => localStorage["tachograph.theme"])) !== "dark") {
    await page.keyboard.press("t");
  }
  await page.reload();
  await cpu(page).waitFor();
  expect((await pressed(page)) === "1 h", "a reload keeps the range");
  const theme = await page.evaluate(() => document.documentElement.dataset.theme);
  expect(theme === "dark", "a reload keeps the theme");
  await page.goBack();
  expect((await pressed(page)) === "15 m", "the back button leads to the range before");
}

async function zooms(page) {
  const box = await cpu(page).boundingBox();
  const y = box.y + box.height / 2;
  // To the right end, where a server that has just started has its few samples.
  await page.mouse.move(box.x + box.width * 0.7, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 1, y, { steps: 4 });
  await page.mouse.up();
  const params = search(page);
  expect(params.has("from") && params.has("to"), "dragging over a chart zooms, in the address");
  await page.waitForFunction(() => !document.querySelector(".plot-area.dimmed"));
  await cpu(page).dblclick();
  expect(!search(page).has("from"), "a double click leads back");
  await page.keyboard.press("p");
  const paused = search(page);
  expect(paused.has("to") && !paused.has("from"), "p pauses, in the address");
  await page.waitForTimeout(500);
  const end = await number(cpu(page), "data-end");
  await page.waitForTimeout(2200);
  expect((await number(cpu(page), "data-end")) === end, "a paused chart stands still");
  await page.keyboard.press("p");
}

async function crosshair(page) {
  const box = await cpu(page).boundingBox();
  await page.mouse.move(box.x + box.width * 0.8, box.y + box.height / 2);
  const note = (chart) => page.locator(`[data-chart="${chart}"] h3 small`).innerText();
  await page.waitForTimeout(300);
  const time = await note("cpu");
  expect(/\d\d:\d\d/.test(time), `the crosshair names its time: ${time}`);
  expect(/\d\d:\d\d/.test(await note("memory")), "the crosshair shows on the other charts too");
  await page.mouse.move(2, 2);
}

async function reconnects(browser) {
  const context = await browser.newContext(viewport(SIZES.laptop));
  const page = await context.newPage();
  let cut = () => undefined;
  let refuse = false;
  await page.routeWebSocket(/\/ws$/, (socket) => {
    if (refuse) return void socket.close();
    socket.connectToServer();
    cut = () => socket.close();
  });
  await page.goto(base);
  await cpu(page).waitFor();
  refuse = true;
  cut();
  const banner = page.getByText("Connection lost since");
  await banner.waitFor({ timeout: 8000 });
  expect(await cpu(page).isVisible(), "a lost connection is said, the last values stay");
  refuse = false;
  await banner.waitFor({ state: "detached", timeout: 20_000 });
  const before = await number(cpu(page), "data-end");
  await page.waitForTimeout(2500);
  expect((await number(cpu(page), "data-end")) > before, "the page goes on by itself afterwards");
  await context.close();
}

/** Nothing on any page is wider than the window, nor has a scrollbar of its own. */
async function fits(browser) {
  for (const [path, widths] of Object.entries(await everyPage())) {
    for (const width of widths) {
      const { context, page } = await open(browser, viewport([width, 740]), `/${path}`);
      await page.waitForTimeout(1200);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide <= width, `${path} does not overflow at ${width} px (${wide})`);
      const own = await page.evaluate(scrollers);
      expect(own.length === 0, `${path} scrolls nothing sideways at ${width} px (${own.join()})`);
      await context.close();
    }
  }
}

/** Every page with the widths it is looked at in; those of a trace lead to one that is there. */
async function everyPage() {
  const all = [360, 420, 800, 1280, 1440];
  const some = [360, 800, 1440];
  const found = await fetch(new URL("/api/performance/traces?service=shop&limit=1", base));
  const [trace] = (await found.json()).traces ?? [];
  return {
    "#/": all,
    "#/alerts": all,
    "#/sources": all,
    "#/baselines": all,
    "#/services": all,
    "#/agents": all,
    "#/traces": all,
    "#/services/shop": some,
    "#/agents/clerk": some,
    [`#/traces/${trace?.trace_id}`]: some,
    [`#/traces/${trace?.trace_id}?tab=calls`]: some,
  };
}

/** What has a scrollbar below it, in the page. */
function scrollers() {
  const scrolls = (found) => {
    const style = getComputedStyle(found).overflowX;
    return (style === "auto" || style === "scroll") && found.scrollWidth > found.clientWidth + 1;
  };
  const all = [...document.querySelectorAll("body *")].filter(scrolls);
  return all.map((found) => `${found.tagName}.${found.className}`);
}

/** Every row of what comes in says who, how and how much, in sight, however narrow the window. */
async function rows(browser) {
  for (const width of [360, 1440]) {
    const { context, page } = await open(browser, viewport([width, 740]), "/#/sources");
    await page.getByRole("heading", { name: "How to send here" }).waitFor();
    const bad = await page.evaluate(() => {
      const inSight = (cell) => {
        const box = cell.getBoundingClientRect();
        return box.width > 0 && box.left >= 0 && box.right <= innerWidth && cell.textContent !== "";
      };
      const cells = document.querySelectorAll(".rows tbody td:not(.minor)");
      return [...cells].filter((cell) => !inSight(cell)).map((cell) => cell.textContent);
    });
    expect(bad.length === 0, `all of a row is in sight at ${width} px (${bad.join(" | ")})`);
    const copies = await page.getByRole("button", { name: /^Copy: / }).count();
    const lines = await page.locator(".ways li").count();
    expect(lines > 0 && copies === lines, `every example can be copied (${copies} of ${lines})`);
    await context.close();
  }
}

/** What programs do is found, and leads from one page to the next. */
async function understands(browser) {
  await sendShop(base);
  const { context, page } = await open(browser, viewport(SIZES.laptop));
  await pages.services(page, expect);
  await pages.trace(page, expect);
  await pages.agents(page, expect);
  await pages.search(page, expect);
  await context.close();
}

async function alert(browser) {
  const seconds = Number(process.env.ALERT_SECONDS ?? 90);
  const { context, page } = await open(browser, viewport(SIZES.laptop));
  const found = page.locator("[data-alert]").first();
  await found.waitFor({ timeout: seconds * 1000 }).catch(() => undefined);
  const seen = (await found.count()) > 0;
  expect(seen, seen ? `an alert appears: ${await found.innerText()}` : "an alert appears");
  if (folder) await page.screenshot({ path: join(folder, "alert.png"), fullPage: true });
  await context.close();
}

async function screenshots(browser) {
  mkdirSync(folder, { recursive: true });
  for (const [size, dimensions] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"]) {
      const { context, page } = await open(browser, { ...viewport(dimensions), colorScheme });
      const names = ["overview", "alerts", "services", "agents", "traces", "sources", "baselines"];
      for (const name of names) {
        if (name !== "overview") await page.goto(`${base}/#/${name}`);
        await page.waitForTimeout(name === "overview" ? 2500 : 700);
        if (name === "baselines") await compare(page);
        const path = join(folder, `${name}-${size}-${colorScheme}.png`);
        await page.screenshot({ path, fullPage: true });
      }
      await context.close();
    }
  }
  console.log(`pictures in ${folder}`);
}

async function compare(page) {
  const button = page.getByRole("button", { name: /^Compare with/ }).first();
  if ((await button.count()) === 0) return;
  await button.click();
  await page.waitForTimeout(1200);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  await firstChart(browser);
  const { context, page } = await open(browser, viewport(SIZES.laptop));
  await cpu(page).waitFor();
  await moves(page);
  await crosshair(page);
  await keeps(page);
  await zooms(page);
  await context.close();
  await reconnects(browser);
  await understands(browser);
  await fits(browser);
  await rows(browser);
  if (process.env.EXPECT_ALERT === "1") await alert(browser);
  if (folder) await screenshots(browser);
} catch (cause) {
  failures.push(String(cause));
} finally {
  await browser.close();
}
if (failures.length > 0) {
  console.error(
    `\n${failures.length} failed:\n${failures.map((words) => `  ${words}`).join("\n")}`,
  );
  process.exit(1);
}
console.log("\nall expectations hold");
