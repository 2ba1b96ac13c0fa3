"""People who chat: `python load.py URL [PEOPLE]`, until Ctrl-C."""

import asyncio
import random
import sys
from contextlib import suppress

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

ROOMS = ["kitchen", "garden", "attic", "closed"]


async def visit(url):
    """One visit to a room: some lines, with pauses, and now and then a crash."""
    [room] = random.choices(ROOMS, weights=[50, 35, 13, 2])
    async with connect(f"{url}/rooms/{room}") as socket:
        listener = asyncio.create_task(listen(socket))
        for _ in range(random.randint(1, 20)):
            await asyncio.sleep(random.expovariate(2))
            await socket.send("/crash" if random.random() < 0.002 else "hello")
        listener.cancel()


async def listen(socket):
    with suppress(WebSocketException):
        async for _ in socket:
            pass


async def person(url):
    while True:
        try:
            await visit(url)
        except WebSocketException:
            pass  # The room is closed, or somebody crashed it.
        except OSError as error:
            print(f"{type(error).__name__}: {error}", flush=True)
        await asyncio.sleep(random.expovariate(1))


async def main(url, people):
    await asyncio.gather(*(person(url) for _ in range(people)))


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 30))
    except KeyboardInterrupt:
        pass
