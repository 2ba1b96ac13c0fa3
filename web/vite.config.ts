// The build: one folder with relative paths, so that it can be embedded in the binary and served
// from anywhere. Nothing is fetched from outside and no script is inline (the server's policy is
// `default-src 'self'`).
import { defineConfig } from "vite";

/** The mock, or a server that runs: TACHO_URL=http://127.0.0.1:8090 npm run dev. */
const target = process.env["TACHO_URL"] ?? "http://127.0.0.1:8091";

export default defineConfig({
  base: "./",
  build: {
    target: ["chrome123", "firefox121", "safari17.5"],
    cssTarget: ["chrome123", "firefox121", "safari17.5"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    sourcemap: false,
  },
  server: {
    host: "127.0.0.1",
    port: 8092,
    proxy: {
      "/api": { target, changeOrigin: true },
      "/ws": { target, ws: true, changeOrigin: true, rewriteWsOrigin: true },
    },
  },
});
