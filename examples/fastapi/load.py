"""Customers of the shop: `python load.py URL [REQUESTS_PER_SECOND]`, until Ctrl-C."""

import asyncio
import random
import sys

import httpx

# What customers ask for, and how often of a hundred times.
WISHES = [
    (45, "GET", lambda: "/products", None),
    (25, "GET", lambda: f"/products/{random.randint(1, 6)}", None),
    (15, "POST", lambda: "/orders", lambda: {"product_id": random.randint(1, 5)}),
    (8, "POST", lambda: "/checkout", None),
    (5, "GET", lambda: "/report", None),
    (2, "GET", lambda: f"/nothing/{random.randint(1, 10**6)}", None),
]

# What went wrong is said once.
said = set()


async def customer(client):
    [(_, method, path, body)] = random.choices(WISHES, weights=[wish[0] for wish in WISHES])
    try:
        await client.request(method, path(), json=body() if body else None)
    except httpx.HTTPError as error:
        if repr(error) not in said:
            said.add(repr(error))
            print(f"{type(error).__name__}: {error}", flush=True)


async def main(url, rate):
    running = set()
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        while True:
            # A shop that answers slowly does not make customers come later.
            if len(running) < 200:
                task = asyncio.create_task(customer(client))
                running.add(task)
                task.add_done_callback(running.discard)
            await asyncio.sleep(random.expovariate(rate))


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 20.0))
    except KeyboardInterrupt:
        pass
