"""Opens a span by logfire, prints its trace's id, waits for a line, and ends it.

Where to is in LOGFIRE_BASE_URL, as whom in LOGFIRE_TOKEN.
"""

import sys

import logfire

logfire.configure(service_name="agent", console=False, inspect_arguments=False)
hits = logfire.metric_counter("hits")
with logfire.span("long work", step=1) as span:
    with logfire.span("inner"):
        hits.add(3)
    logfire.force_flush()
    print(f"{span.get_span_context().trace_id:032x}", flush=True)
    sys.stdin.readline()
logfire.force_flush()
logfire.shutdown()
