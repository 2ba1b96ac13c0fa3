"""Asks a database by SQLAlchemy: `sqlalchemy_queries.py URL TIMES`.

So often: an order is put in, looked for with its customer, and changed; and every tenth time, a
table is asked for that is not there. Prints as JSON how often each thing was done and how many
seconds it took in all, measured around each.
"""

import json
import sys
import time
from collections import defaultdict

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

url, times = sys.argv[1], int(sys.argv[2])
provider = TracerProvider(resource=Resource.create({"service.name": "orders"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=1_000_000))
trace.set_tracer_provider(provider)
engine = create_engine(url)
SQLAlchemyInstrumentor().instrument(engine=engine)

done = defaultdict(lambda: {"count": 0, "seconds": 0.0})


def ask(what, query, **values):
    start = time.perf_counter()
    try:
        with engine.begin() as connection:
            connection.execute(text(query), values)
    except DBAPIError:
        pass
    done[what]["count"] += 1
    done[what]["seconds"] += time.perf_counter() - start


ask("CREATE TABLE customers", "CREATE TABLE customers (id int, name text)")
ask("CREATE TABLE orders", "CREATE TABLE orders (id int, customer int, note text)")
for number in range(times):
    ask("INSERT orders", "INSERT INTO orders VALUES (:n, :n, 'from nowhere')", n=number)
    ask(
        "SELECT orders customers",
        f"select o.id from orders o join customers c on c.id = o.customer where o.id = {number}",
    )
    ask("UPDATE orders", f"UPDATE orders SET note = 'note {number}' WHERE id = :n", n=number)
    if number % 10 == 0:
        ask("SELECT nowhere", "SELECT 1 FROM nowhere")
provider.shutdown()
print(json.dumps(done))
