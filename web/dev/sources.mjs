// The mock's answer for the page Sources: long names, refusals for many reasons, targets that are
// down and destinations that are stuck, so that all of it is looked at. Not shipped.
import { now, rfc } from "./bodies.mjs";

const started = now();

function source(protocol, signal, name, rate, refused = {}, silent = 0) {
  const accepted = Math.round(rate * (60 + now() - started));
  const lost = Object.values(refused).reduce((sum, items) => sum + items, 0);
  return {
    protocol,
    signal,
    source: name,
    received: accepted + lost,
    accepted,
    filtered: protocol === "scrape" ? 1204 : 0,
    refused,
    delayed: protocol === "influx" ? 12 : 0,
    rate: silent > 0 ? 0 : rate,
    last: rfc(now() - silent),
    delay_seconds: 0.2,
  };
}

const MANY = {
  bad_value: 1,
  no_name: 4,
  too_old: 118,
  too_new: 2,
  malformed: 31,
  series_limit: 12040,
  duplicate: 7,
  label_too_long: 3,
};
const SOCKET = "unix /run/user/1000/checkout/statsd-of-the-checkout-service-in-production.sock";
const LONG = "TheServiceWhoseNameHasNoPlaceToBreakAtAllAndThatIsLongerThanAnyTelephoneIsWideByFar";

const target = (instance, error) => ({ instance, health: "down", error, last: rfc(now() - 3) });
const destination = (name, url, state, more) => ({
  name,
  url,
  state,
  sent: 184_320,
  waiting: 0,
  waiting_bytes: 0,
  delay_seconds: 0,
  dropped: {},
  error: null,
  refusal: null,
  ...more,
});

export function sources() {
  return {
    schema: 1,
    since: rfc(started),
    requests: [],
    sources: [
      source("otlp", "spans", "shop-http", 412),
      source("otlp", "logs", "shop-http", 37),
      source("otlp", "samples", "acme/shop-http", 96.4, { bad_value: 1, no_name: 4 }),
      source("remote_write", "samples", "10.12.0.7", 18_240, MANY),
      source("scrape", "samples", "node", 240),
      source("statsd", "samples", SOCKET, 12.3),
      source("influx", "samples", "fd00:12:34::8a2e:370:7334", 0.4, { malformed: 9 }, 4000),
      source("json", "samples", "127.0.0.1", 0.02),
      source("otlp", "logs", LONG, 3),
    ],
    scraping: [
      {
        job: "node",
        targets: 12,
        up: 9,
        down: 3,
        problems: [
          target("db2:9100", "connection refused"),
          target("web-7.frankfurt.internal.example:9100", "HTTP status 503 Service Unavailable"),
          target("db3:9100", "line 2: a value is no number: `b x`"),
        ],
        problems_more: 0,
      },
      { job: "exporter", targets: 2, up: 2, down: 0, problems: [], problems_more: 0 },
    ],
    forwarding: [
      destination("archive", "https://archive.example:8090", "healthy"),
      destination("central", "https://central.example/api/v1/push", "stuck", {
        sent: 0,
        waiting: 120_400,
        waiting_bytes: 9_400_000,
        delay_seconds: 340,
        dropped: { overflow: 1200 },
        error: {
          at: rfc(now() - 340),
          detail: "401 Unauthorized (the token or password is refused: see forward.token)",
        },
      }),
    ],
  };
}
