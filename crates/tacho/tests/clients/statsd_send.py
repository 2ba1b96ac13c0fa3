"""Sends to a StatsD server what its tests look for: statsd_send.py CLIENT TARGET.

CLIENT is `statsd` or `datadog`; TARGET is host:port, or a path of a Unix socket (datadog only).
"""
import sys

client, target = sys.argv[1:]


def etsy():
    import statsd

    host, port = target.rsplit(":", 1)
    c = statsd.StatsClient(host, int(port), prefix="py")
    for _ in range(3):
        c.incr("requests")
    c.incr("requests", 4)
    c.gauge("temperature", 20)
    c.gauge("temperature", -3, delta=True)
    # An absolute negative gauge: the client sends a zero before it.
    c.gauge("below", -7)
    for millis in (100, 200, 300):
        c.timing("latency", millis)
    for user in ("ann", "bob", "ann"):
        c.set("users", user)
    with c.pipeline() as pipe:
        for n in range(100):
            pipe.incr("batched")
            pipe.timing("batched_time", n + 1)


def datadog():
    from datadog.dogstatsd.base import DogStatsd

    where = {"socket_path": target} if target.startswith("/") else {}
    if not where:
        host, port = target.rsplit(":", 1)
        where = {"host": host, "port": int(port)}
    c = DogStatsd(
        constant_tags=["env:prod"], disable_telemetry=True, disable_buffering=False, **where
    )
    for _ in range(5):
        c.increment("dd.hits", tags=["page:home", "fast"])
    c.gauge("dd.queue", 12.5)
    for value in (1, 2, 3, 4):
        c.histogram("dd.size", value)
        c.distribution("dd.spread", value * 10)
    c.timing("dd.took", 250)
    c.set("dd.people", "ann")
    c.set("dd.people", "bob")
    c.service_check("dd.db.up", 2, tags=["db:main"], hostname="web1", message="it is down")
    c.event("Deployed", "version 5\nby ann", alert_type="success", tags=["app:shop"])
    c.flush()
    c.stop()


{"statsd": etsy, "datadog": datadog}[client]()
