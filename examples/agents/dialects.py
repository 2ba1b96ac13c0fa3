"""Four ways of watching the same agents, each as its own documentation has it.

Where spans go is in OTEL_EXPORTER_OTLP_ENDPOINT, as everywhere with OpenTelemetry.
"""

import agents
from agents.tracing import AgentSpanData, FunctionSpanData, TracingProcessor
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def opentelemetry():
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.shutdown


def openai_v2():
    """OpenTelemetry's own: model calls by openai-v2, agents and tools by its utilities."""
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

    stop = opentelemetry()
    # It knows chat completions; the agents ask by the Responses API where they are left to it.
    agents.set_default_openai_api("chat_completions")
    OpenAIInstrumentor().instrument()
    agents.set_trace_processors([GenAiSpans()])
    return stop


def openinference():
    from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

    stop = opentelemetry()
    OpenAIAgentsInstrumentor().instrument()
    return stop


def traceloop():
    from opentelemetry.instrumentation.openai_agents import OpenAIAgentsInstrumentor

    stop = opentelemetry()
    agents.set_trace_processors([])
    OpenAIAgentsInstrumentor().instrument()
    return stop


def logfire():
    import logfire

    logfire.configure(
        send_to_logfire="if-token-present", console=False, inspect_arguments=False
    )
    agents.set_trace_processors([])
    logfire.instrument_openai_agents()
    return logfire.shutdown


DIALECTS = {
    "openai-v2": openai_v2,
    "openinference": openinference,
    "traceloop": traceloop,
    "logfire": logfire,
}


class GenAiSpans(TracingProcessor):
    """Agents and tools as spans of OpenTelemetry's GenAI conventions."""

    def __init__(self):
        from opentelemetry.util.genai.handler import get_telemetry_handler

        self.handler = get_telemetry_handler()
        self.open = {}

    def on_trace_start(self, started):
        self.open[started.trace_id] = self.handler.workflow(started.name)

    def on_trace_end(self, ended):
        self.open.pop(ended.trace_id).stop()

    def on_span_start(self, started):
        data = started.span_data
        if isinstance(data, AgentSpanData):
            self.open[started.span_id] = self.handler.invoke_local_agent(agent_name=data.name)
        elif isinstance(data, FunctionSpanData):
            self.open[started.span_id] = self.handler.tool(data.name)

    def on_span_end(self, ended):
        span = self.open.pop(ended.span_id, None)
        if span and ended.error:
            span.fail(RuntimeError(ended.error["message"]))
        elif span:
            span.stop()

    def shutdown(self):
        pass

    def force_flush(self):
        pass
