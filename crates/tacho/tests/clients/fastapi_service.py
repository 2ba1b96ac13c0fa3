"""A service in FastAPI that measures itself: `fastapi_service.py traces|metrics DURATIONS`.

Prints its address, serves until a line comes, and writes how many seconds each request of
`/items/{id}` took into the file. Sends its spans, or its metrics only. Where to is in
OTEL_EXPORTER_OTLP_ENDPOINT, by which conventions in OTEL_SEMCONV_STABILITY_OPT_IN.
"""

import asyncio
import random
import socket
import sys
import threading
import time

import uvicorn
from fastapi import FastAPI
from opentelemetry import metrics, trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

signal, durations = sys.argv[1:]
resource = Resource.create({"service.name": "shop"})
if signal == "traces":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=resource)
    # None is lost, however slow the machine is.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=1_000_000))
    trace.set_tracer_provider(provider)
else:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    reader = PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=1000)
    provider = MeterProvider([reader], resource=resource)
    metrics.set_meter_provider(provider)

app = FastAPI()
took = []


class Timed:
    """Measures what the instrumentation does, just inside of it."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        start = time.perf_counter()
        try:
            await self.app(scope, receive, send)
        finally:
            if scope.get("path", "").startswith("/items/"):
                took.append(time.perf_counter() - start)


@app.get("/items/{id}")
async def item(id: int):
    await asyncio.sleep(min(random.lognormvariate(-3, 0.5), 0.5))
    return {"id": id}


@app.get("/fails")
async def fails():
    raise RuntimeError("as was asked for")


app.add_middleware(Timed)
FastAPIInstrumentor.instrument_app(app)

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True).start()
while not server.started:
    time.sleep(0.01)
print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
sys.stdin.readline()
server.should_exit = True
# What is still being worked on ends first.
while server.server_state.tasks:
    time.sleep(0.01)
provider.shutdown()
with open(durations, "w") as file:
    file.writelines(f"{seconds:.9f}\n" for seconds in took)
