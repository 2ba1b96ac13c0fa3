// Prints what the page weighs on the wire and fails above the budget. Gzip at the level a server
// would use; Brotli is printed beside it for comparison.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const BUDGET_BYTES = 150 * 1024;
const root = new URL("../dist/", import.meta.url).pathname;

function files(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
}

const kib = (bytes) => `${(bytes / 1024).toFixed(1).padStart(7)} KiB`;
let raw = 0;
let gzip = 0;
let brotli = 0;
for (const path of files(root)) {
  const body = readFileSync(path);
  const sizes = [body.length, gzipSync(body, { level: 9 }).length, brotliCompressSync(body).length];
  raw += sizes[0];
  gzip += sizes[1];
  brotli += sizes[2];
  console.log(`${sizes.map(kib).join("")}  ${relative(root, path)}`);
}
console.log(`${[raw, gzip, brotli].map(kib).join("")}  total (raw, gzip, brotli)`);
if (raw === 0) throw new Error("nothing is built; run `npm run build` first");
if (gzip > BUDGET_BYTES) {
  console.error(`over the budget of ${kib(BUDGET_BYTES).trim()} compressed`);
  process.exit(1);
}
console.log(`within the budget of ${kib(BUDGET_BYTES).trim()} compressed`);
