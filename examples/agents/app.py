"""Two agents with tools that work until Ctrl-C: `python app.py [DIALECT]`, see dialects.py.

The model is the fake one of fake_openai.py, started here unless OPENAI_BASE_URL names another.
With `--rounds N` it ends after the questions were asked so often, and prints as JSON how often
each agent ran and each tool was used, and how often each failed.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import threading
import urllib.request
from collections import Counter

import fake_openai
from agents import Agent, ModelSettings, Runner, function_tool, set_default_openai_client
from dialects import DIALECTS
from openai import AsyncOpenAI

done = {"agents": {}, "tools": {}}


def count(kind, name, failed=0):
    done[kind].setdefault(name, Counter()).update(uses=1, failures=failed)


@function_tool
async def get_weather(city: str) -> str:
    """The weather in a city."""
    count("tools", "get_weather")
    await asyncio.sleep(random.uniform(0.01, 0.03))
    return f"{city} is sunny"


@function_tool
async def find_hotel(city: str) -> str:
    """A hotel in a city."""
    count("tools", "find_hotel")
    await asyncio.sleep(random.uniform(0.02, 0.08))
    return f"the hotel in {city} has a free room"


@function_tool
async def look_up_order(number: int) -> str:
    """Where an order is."""
    if number == 13:
        count("tools", "look_up_order", failed=1)
        raise LookupError("there is no order 13")
    count("tools", "look_up_order")
    await asyncio.sleep(random.uniform(0.005, 0.01))
    return f"order {number} is on its way"


@function_tool(failure_error_function=None)
async def refund_order(number: int) -> str:
    """Pays an order back."""
    if number == 13:
        # Nobody catches it, so that the agent fails with its tool.
        count("tools", "refund_order", failed=1)
        raise LookupError("there is no order 13")
    count("tools", "refund_order")
    return f"order {number} is paid back"


settings = ModelSettings(include_usage=True)
support = Agent(
    name="Support",
    model="gpt-4o-mini",
    instructions="You help with orders.",
    tools=[look_up_order, refund_order],
    model_settings=settings,
)
travel = Agent(
    name="Travel",
    model="o4-mini",
    instructions="You help people who travel.",
    tools=[get_weather, find_hotel],
    handoffs=[support],
    model_settings=settings,
)

# Who is asked what, and who runs because of it.
QUESTIONS = [
    (travel, "What is the weather in Paris?", ["Travel"]),
    (travel, "Weather and hotel, please, in Rome", ["Travel"]),
    (support, "Please look up 7", ["Support"]),
    (support, "Please look up 13", ["Support"]),
    (support, "A refund of 7, please", ["Support"]),
    (support, "A refund of 13, please", ["Support"]),
    (travel, "Please transfer me to somebody else", ["Travel", "Support"]),
    (travel, "Are you busy? #429", ["Travel"]),
]


async def ask(agent, question, runs):
    failed = 0
    try:
        await Runner.run(agent, question)
    except Exception:  # Whatever it is, the next question comes.
        failed = 1
    for name in runs:
        count("agents", name, failed)


async def work(rounds, pause):
    for number in range(rounds or 2**62):
        await asyncio.gather(*(ask(*question) for question in QUESTIONS))
        if not rounds and number % 10 == 0:
            runs = (f"{name} {count['uses']}" for name, count in done["agents"].items())
            print(f"runs: {', '.join(runs)}", flush=True)
        await asyncio.sleep(pause)


def main():
    parser = argparse.ArgumentParser(description="Two agents that work until Ctrl-C.")
    parser.add_argument("dialect", nargs="?", default="openai-v2", choices=DIALECTS)
    parser.add_argument("--rounds", type=int, default=0, help="how often; for ever where absent")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between rounds")
    parser.add_argument("--delay", type=float, default=0.05, help="seconds that a model takes")
    args = parser.parse_args()

    url = os.environ.get("OPENAI_BASE_URL")
    if not url:
        server = fake_openai.serve(delay=args.delay)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    os.environ.setdefault("OTEL_SERVICE_NAME", "agents")
    # That questions fail is what is to be seen, elsewhere.
    logging.getLogger("openai.agents").setLevel(logging.CRITICAL)
    stop = DIALECTS[args.dialect]()
    key = os.environ.get("OPENAI_API_KEY", "none")
    # A call that is asked for again would be one call in one dialect, and many in another.
    client = AsyncOpenAI(base_url=url, api_key=key, max_retries=0)
    set_default_openai_client(client, use_for_tracing=False)
    try:
        asyncio.run(work(args.rounds, args.pause))
    except KeyboardInterrupt:
        pass
    stop()
    if args.rounds:
        with urllib.request.urlopen(url.removesuffix("/v1") + "/usage") as answer:
            done["models"] = json.load(answer)
        print(json.dumps(done))


if __name__ == "__main__":
    main()
