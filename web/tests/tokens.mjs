// Drives the page where a token is asked for: node tests/tokens.mjs BASE_URL TOKEN
//
// Without the token there is no page; with it in the address, as the password of any user, or as
// what the browser asks its user for, the page, its calls and its live updates all work. CHROMIUM
// names another browser; exits 1 with every failed expectation named.
import { chromium } from "playwright-core";

const [base, token] = process.argv.slice(2);
const failures = [];
function expect(ok, words) {
  console.log(`${ok ? "ok  " : "FAIL"} ${words}`);
  if (!ok) failures.push(words);
}

async function works(browser, words, options, address) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") failures.push(`${words}: console: ${message.text()}`);
  });
  page.on("pageerror", (error) => failures.push(`${words}: page: ${error.message}`));
  await page.goto(address);
  const plot = page.locator('[data-chart="cpu"] .plot');
  await plot.waitFor({ timeout: 15_000 });
  const end = async () => Number(await plot.getAttribute("data-end"));
  const before = await end();
  await page.waitForTimeout(3200);
  expect((await end()) - before >= 2, `${words}: the CPU chart moves on`);
  for (const hash of ["#/alerts", "#/baselines"]) {
    await page.evaluate((to) => {
      location.hash = to;
    }, hash);
    await page.waitForTimeout(500);
    const text = await page.locator("main").innerText();
    expect(!text.includes("cannot be reached"), `${words}: ${hash} is answered`);
  }
  await context.close();
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
try {
  const context = await browser.newContext();
  const page = await context.newPage();
  const answered = page.waitForResponse(base);
  await page.goto(base).catch(() => {});
  expect((await answered).status() === 401, "without a token there is no page");
  await context.close();
  const inside = new URL(base);
  inside.username = "x";
  inside.password = token;
  await works(browser, "token in the address", {}, inside.href);
  const credentials = { httpCredentials: { username: "x", password: token } };
  await works(browser, "token asked for", credentials, base);
} finally {
  await browser.close();
}
if (failures.length > 0) {
  console.error(`\n${failures.length} failed:\n  ${failures.join("\n  ")}`);
  process.exit(1);
}
