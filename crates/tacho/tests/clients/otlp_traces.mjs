// Sends a span by the JavaScript SDK, which speaks JSON, and prints the trace's id.
// Argument: the URL of /v1/traces.
import { createRequire } from "node:module";

const require = createRequire(process.env.TACHO_CLIENTS + "/package.json");
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-http");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { BasicTracerProvider, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-base");

const exporter = new OTLPTraceExporter({ url: process.argv[2] });
const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ "service.name": "page" }),
  spanProcessors: [new SimpleSpanProcessor(exporter)],
});
const span = provider.getTracer("otlp_traces.mjs").startSpan("load");
span.setAttribute("count", 5);
span.setAttribute("share", 0.25);
span.addEvent("painted", { after: 3 });
span.end();
console.log(span.spanContext().traceId);
await provider.shutdown();
