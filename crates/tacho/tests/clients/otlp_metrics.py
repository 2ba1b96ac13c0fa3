"""Sends known metrics with the OpenTelemetry SDK, over HTTP or gRPC as the first argument says.

Where to, temporality and kind of histogram come from the SDK's own variables, as users set them.
Three rounds are exported one after the other; whatever the temporality, in the end there are
6 GET and 3 POST requests, 3 items in use, 1 kiB of memory, and 9 observations of 0.25 to 8 s.
"""

import sys

from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

if sys.argv[1] == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
else:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

ROUNDS = 3

resource = Resource.create(
    {
        "service.name": "cart",
        "service.namespace": "shop",
        "service.instance.id": "cart-1",
        "deployment.environment.name": "test",
        "tags": ["a", "b"],
    }
)
reader = PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=3_600_000)
provider = MeterProvider(metric_readers=[reader], resource=resource, shutdown_on_exit=False)
meter = provider.get_meter("shop.cart", "1.2")

requests = meter.create_counter("shop.requests", "{request}", "Requests taken.")
in_use = meter.create_up_down_counter("shop.items", "{item}", "Items in use.")
memory = meter.create_gauge("shop.memory.used", "KiBy", "Memory in use.")
duration = meter.create_histogram(
    "shop.request.duration",
    "s",
    "How long requests took.",
    explicit_bucket_boundaries_advisory=[0.5, 1.0, 5.0],
)
count = 0


def observe(_options):
    """A counter that is only looked at."""
    yield Observation(count * 10, {"device": "eth0"})


meter.create_observable_counter("shop.network.io", [observe], "By", "Bytes sent.")

failed = False
for count in range(1, ROUNDS + 1):
    requests.add(2, {"http.request.method": "GET", "http.response.status_code": 200})
    requests.add(1, {"http.request.method": "POST", "http.response.status_code": 201})
    in_use.add(1)
    memory.set(1.0)
    for seconds in (0.25, 0.75, 8.0):
        duration.record(seconds, {"http.route": "/cart/{id}"})
    failed |= not provider.force_flush(10_000)
provider.shutdown()
sys.exit(1 if failed else 0)
