"""Sends spans and log records by the OpenTelemetry SDK and prints the trace's id.

Arguments: http or grpc. Where to, and how compressed, is in the SDK's own environment variables.
"""

import logging
import sys

from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

if sys.argv[1] == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

resource = Resource.create({"service.name": "shop", "service.namespace": "tests", "zone": "b"})
provider = TracerProvider(resource=resource)
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer("otlp_traces.py")

with tracer.start_as_current_span("GET /cart", kind=SpanKind.SERVER) as root:
    root.set_attribute("http.route", "/cart")
    root.set_attribute("list", ["a", "b"])
    with tracer.start_as_current_span("SELECT", kind=SpanKind.CLIENT) as child:
        child.set_attribute("db.system.name", "sqlite")
        child.set_attribute("rows", 7)
        try:
            raise ValueError("no such table")
        except ValueError as error:
            child.record_exception(error)
            child.set_status(Status(StatusCode.ERROR, "no such table"))
    links = [Link(root.get_span_context(), {"why": "retry"})]
    with tracer.start_as_current_span("publish", kind=SpanKind.PRODUCER, links=links):
        pass

logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
logger = logging.getLogger("shop")
logger.setLevel(logging.DEBUG)
logger.addHandler(LoggingHandler(logger_provider=logs))
for _ in range(5):
    logger.info("a cart was looked at")
logger.error("the table is gone")

print(f"{root.get_span_context().trace_id:032x}", flush=True)
provider.shutdown()
logs.shutdown()
