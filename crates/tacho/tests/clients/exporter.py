"""An exporter by prometheus_client: prints its port, then serves until it is killed.

exporter.py [--tls CERT KEY]
"""
import sys
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Summary, start_http_server

registry = CollectorRegistry()
jobs = Counter("jobs", "Jobs done.", ["kind"], registry=registry)
jobs.labels('a"b\\c\nd').inc(3, exemplar={"trace_id": "0af7651916cd43dd8448eb211c80319c"})
Gauge("temperature_celsius", "How warm.", registry=registry).set(-1.5)
latency = Histogram("latency_seconds", "How long.", buckets=(0.1, 1), registry=registry)
for value in (0.05, 0.5, 5):
    latency.observe(value)
Summary("size_bytes", "How large.", registry=registry).observe(10)
Info("build", "What it is.", registry=registry).info({"version": "1.2"})

tls = {}
if len(sys.argv) > 3 and sys.argv[1] == "--tls":
    tls = {"certfile": sys.argv[2], "keyfile": sys.argv[3]}
server, _ = start_http_server(0, addr="127.0.0.1", registry=registry, **tls)
print(server.server_port, flush=True)
time.sleep(3600)
