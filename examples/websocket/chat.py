"""A chat: whoever is in a room gets what others say there. `uvicorn chat:app`."""

from collections import defaultdict
from contextlib import suppress

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource.create({"service.name": "chat"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)

app = FastAPI(title="chat")
rooms: dict[str, set[WebSocket]] = defaultdict(set)


@app.get("/rooms")
async def list_rooms():
    return {room: len(members) for room, members in rooms.items() if members}


@app.websocket("/rooms/{room}")
async def join(socket: WebSocket, room: str):
    if room == "closed":
        return await socket.close(1008)
    await socket.accept()
    rooms[room].add(socket)
    try:
        while True:
            said = await socket.receive_text()
            if said == "/crash":
                raise RuntimeError("somebody found the command")
            for member in list(rooms[room] - {socket}):
                # Who is just leaving need not hear it.
                with suppress(RuntimeError, WebSocketDisconnect):
                    await member.send_text(said)
            await socket.send_text(f"heard by {len(rooms[room]) - 1}")
    except WebSocketDisconnect:
        pass
    finally:
        rooms[room].discard(socket)


FastAPIInstrumentor.instrument_app(app)
