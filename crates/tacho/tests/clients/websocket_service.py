"""A WebSocket service and its clients: `websocket_service.py CONNECTIONS MESSAGES CRASHES`.

Each connection to /rooms/{room} says so many messages and gets an answer for each; some say one
more, on which the service fails. Prints how many were open at a time, and ends. Where spans go is
in OTEL_EXPORTER_OTLP_ENDPOINT.
"""

import asyncio
import json
import socket
import sys

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

connections, messages, crashes = map(int, sys.argv[1:])
provider = TracerProvider(resource=Resource.create({"service.name": "chat"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=1_000_000))
trace.set_tracer_provider(provider)
app = FastAPI()


@app.websocket("/rooms/{room}")
async def join(websocket: WebSocket, room: str):
    await websocket.accept()
    try:
        while True:
            said = await websocket.receive_text()
            if said == "crash":
                raise RuntimeError("as was asked for")
            await websocket.send_text(said)
    except WebSocketDisconnect:
        pass


FastAPIInstrumentor.instrument_app(app)


async def visit(address, number):
    async with connect(f"ws://{address}/rooms/{number}") as session:
        for message in range(messages):
            await session.send(str(message))
            assert await session.recv() == str(message)
        if number < crashes:
            await session.send("crash")
            try:
                await session.recv()
            except ConnectionClosed:
                pass


async def main():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    for start in range(0, connections, 10):
        some = range(start, min(start + 10, connections))
        await asyncio.gather(*(visit(address, number) for number in some))
    # The service hears of the last goodbyes.
    while server.server_state.tasks or server.server_state.connections:
        await asyncio.sleep(0.01)
    server.should_exit = True
    await serving


asyncio.run(main())
provider.shutdown()
print(json.dumps({"connections": connections, "messages": connections * messages}))
