"""Pushes by prometheus_client: push.py GATEWAY push|add|delete NAME VALUE."""
import sys

from prometheus_client import CollectorRegistry, Gauge, delete_from_gateway, push_to_gateway, pushadd_to_gateway

gateway, what, name, value = sys.argv[1:5]
registry = CollectorRegistry()
Gauge(name, "Pushed.", ["job", "x"], registry=registry).labels("theirs", "y").set(float(value))
grouping = {"instance": "a/b", "empty": ""}
if what == "push":
    push_to_gateway(gateway, job="nightly", registry=registry, grouping_key=grouping)
elif what == "add":
    pushadd_to_gateway(gateway, job="nightly", registry=registry, grouping_key=grouping)
else:
    delete_from_gateway(gateway, job="nightly", grouping_key=grouping)
