"""An OpenAI-compatible server that needs no key and no model: `python fake_openai.py [--port 8001]`.

It answers `POST /v1/chat/completions`, `/v1/responses` (both also as streams), `/v1/embeddings` and
`GET /v1/models` as the real one does, but by rules, so that the same question always has the same
answer and the same number of tokens:

- A tool is called, once, if the last question has a word that only its name has among all tools:
  `get_weather` for "What is the weather in Paris?", with "Paris" for every text that it wants.
- Then what the tools told is the answer, or the question where none was called.
- A token is a word. The first half of the input, in steps of 16, counts as cached. Models whose
  name begins with `o` reason for 8 tokens.
- `#429` or `#500` (any status from 400 on) in the last question is answered by that error.

Answers take `--delay` seconds and a thousandth for each token. `GET /usage` tells what was asked
for so far, by model: calls, failures and tokens. Standard library only.
"""

import argparse
import itertools
import json
import re
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REASONING_TOKENS = 8
EMBEDDING_SIZE = 8
BODY_BYTES_MAX = 4 << 20
ERROR_TYPES = {401: "invalid_request_error", 404: "invalid_request_error", 429: "rate_limit_exceeded"}

numbers = itertools.count(1)


def new_id(prefix):
    return f"{prefix}_{next(numbers):08d}"


# What was asked, whichever way: a list of {role, text}, and the tools there are.


def text_of(content):
    """The text of a message's content: a text, or a list of parts."""
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")


def messages_of_chat(body):
    messages = []
    for message in body.get("messages", []):
        text = text_of(message.get("content"))
        calls = message.get("tool_calls") or []
        if text or not calls:
            messages.append({"role": message.get("role", "user"), "text": text})
        for call in calls:
            messages.append({"role": "call", "text": call["function"]["name"]})
    return messages


def messages_of_responses(body):
    messages = []
    if body.get("instructions"):
        messages.append({"role": "system", "text": body["instructions"]})
    asked = body.get("input", [])
    if isinstance(asked, str):
        asked = [{"role": "user", "content": asked}]
    for item in asked:
        kind = item.get("type", "message")
        if kind == "function_call":
            messages.append({"role": "call", "text": item["name"]})
        elif kind == "function_call_output":
            messages.append({"role": "tool", "text": text_of(item["output"])})
        else:
            messages.append({"role": item.get("role", "user"), "text": text_of(item.get("content"))})
    return messages


def tools_of(body):
    """The functions that may be called; chat completions wrap them, responses do not."""
    tools = [tool.get("function", tool) for tool in body.get("tools") or []]
    return [tool for tool in tools if tool.get("name")]


# What is answered.


def question_of(messages):
    """The last question, and what came after it."""
    for place in range(len(messages) - 1, -1, -1):
        if messages[place]["role"] == "user":
            return messages[place]["text"], messages[place + 1 :]
    return "", messages


def words(text):
    return re.findall(r"[a-z0-9]+", text.lower())


def telling(tool, tools):
    """The words of a tool's name that no other's has; short ones tell nothing."""
    others = {word for other in tools if other is not tool for word in words(other["name"])}
    return {word for word in words(tool["name"]) if len(word) > 2} - others


def arguments(tool, question):
    """One for each that the tool wants: the first number, or the question's last word."""
    number = re.search(r"\d+", question)
    last = re.findall(r"[^\W\d_]+", question)
    values = {"integer": int(number[0]) if number else 1, "string": last[-1] if last else "nothing"}
    values["number"] = float(values["integer"])
    wanted = (tool.get("parameters") or {}).get("properties", {})
    return {name: values.get(schema.get("type"), None) for name, schema in wanted.items()}


def answer(messages, tools):
    """The tool to call and its arguments, or the text to say."""
    question, since = question_of(messages)
    called = {message["text"] for message in since if message["role"] == "call"}
    for tool in tools:
        if tool["name"] not in called and telling(tool, tools) & set(words(question)):
            return (tool["name"], json.dumps(arguments(tool, question))), ""
    told = [message["text"] for message in since if message["role"] == "tool"]
    return None, " ".join(told) or f"You asked: {question}"


def usage_of(model, messages, said):
    """Input, cached, output and reasoning tokens."""
    taken = sum(len(words(message["text"])) + 3 for message in messages)
    reasoned = REASONING_TOKENS if model.startswith("o") else 0
    return taken, taken // 2 // 16 * 16, max(len(words(said)), 1) + reasoned, reasoned


# The two ways of saying it.


def chat(body):
    messages = messages_of_chat(body)
    call, text = answer(messages, tools_of(body))
    model = body.get("model", "")
    taken, cached, given, reasoned = usage_of(model, messages, call[1] if call else text)
    message = {"role": "assistant", "content": None if call else text}
    if call:
        function = {"name": call[0], "arguments": call[1]}
        message["tool_calls"] = [{"id": new_id("call"), "type": "function", "function": function}]
    return {
        "id": new_id("chatcmpl"),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [
            {"index": 0, "message": message, "finish_reason": "tool_calls" if call else "stop"}
        ],
        "usage": {
            "prompt_tokens": taken,
            "completion_tokens": given,
            "total_tokens": taken + given,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": reasoned},
        },
    }


def chat_stream(whole, body):
    """The same in parts: a word each, then how it ended, then the usage where it was asked for."""
    head = {key: whole[key] for key in ("id", "created", "model")}
    head["object"] = "chat.completion.chunk"
    choice = whole["choices"][0]

    def chunk(delta, finish=None):
        return head | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield None, chunk({"role": "assistant", "content": ""})
    for number, call in enumerate(choice["message"].get("tool_calls", [])):
        yield None, chunk({"tool_calls": [call | {"index": number}]})
    for word in re.findall(r"\S+\s*", choice["message"]["content"] or ""):
        yield None, chunk({"content": word})
    yield None, chunk({}, choice["finish_reason"])
    if (body.get("stream_options") or {}).get("include_usage"):
        yield None, head | {"choices": [], "usage": whole["usage"]}


def response(body):
    messages = messages_of_responses(body)
    call, text = answer(messages, tools_of(body))
    model = body.get("model", "")
    taken, cached, given, reasoned = usage_of(model, messages, call[1] if call else text)
    if call:
        item = {"type": "function_call", "id": new_id("fc"), "call_id": new_id("call")}
        item |= {"name": call[0], "arguments": call[1], "status": "completed"}
    else:
        part = {"type": "output_text", "text": text, "annotations": []}
        item = {"type": "message", "id": new_id("msg"), "role": "assistant"}
        item |= {"status": "completed", "content": [part]}
    return {
        "id": new_id("resp"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "model": model,
        "output": [item],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": body.get("tools") or [],
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "metadata": {},
        "usage": {
            "input_tokens": taken,
            "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
            "output_tokens": given,
            "output_tokens_details": {"reasoning_tokens": reasoned},
            "total_tokens": taken + given,
        },
    }


def response_stream(whole, _body):
    sequence = itertools.count()

    def event(kind, **fields):
        return kind, {"type": kind, "sequence_number": next(sequence)} | fields

    begun = whole | {"status": "in_progress", "output": [], "usage": None}
    yield event("response.created", response=begun)
    for place, item in enumerate(whole["output"]):
        yield event("response.output_item.added", output_index=place, item=item)
        for part in item.get("content", []):
            for word in re.findall(r"\S+\s*", part["text"]):
                at = {"item_id": item["id"], "output_index": place, "content_index": 0}
                yield event("response.output_text.delta", delta=word, logprobs=[], **at)
        yield event("response.output_item.done", output_index=place, item=item)
    yield event("response.completed", response=whole)


def embeddings(body):
    asked = body.get("input", "")
    texts = [asked] if isinstance(asked, str) else asked
    taken = sum(len(words(str(text))) for text in texts)
    vectors = [[len(words(str(text))) / 100] * EMBEDDING_SIZE for text in texts]
    data = [{"object": "embedding", "index": n, "embedding": v} for n, v in enumerate(vectors)]
    usage = {"prompt_tokens": taken, "total_tokens": taken}
    return {"object": "list", "data": data, "model": body.get("model", ""), "usage": usage}


CALLS = {
    "/v1/chat/completions": (chat, chat_stream, messages_of_chat),
    "/v1/responses": (response, response_stream, messages_of_responses),
    "/v1/embeddings": (embeddings, None, lambda body: []),
}


class Usage:
    """What was asked for so far, by model."""

    def __init__(self):
        self.lock = threading.Lock()
        self.models = {}

    def add(self, model, **counts):
        with self.lock:
            self.models.setdefault(model, Counter()).update(counts)

    def add_answer(self, whole):
        usage = whole["usage"]
        taken = usage.get("input_tokens_details") or usage.get("prompt_tokens_details") or {}
        given = usage.get("output_tokens_details") or usage.get("completion_tokens_details") or {}
        self.add(
            whole["model"],
            calls=1,
            input=usage.get("input_tokens", usage.get("prompt_tokens", 0)),
            output=usage.get("output_tokens", usage.get("completion_tokens", 0)),
            cache_read=taken.get("cached_tokens", 0),
            reasoning=given.get("reasoning_tokens", 0),
        )


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    delay = 0.0
    usage = Usage()

    def do_GET(self):
        if self.path == "/usage":
            with self.usage.lock:
                return self.say(self.usage.models)
        if self.path != "/v1/models":
            return self.fail(404, f"there is no {self.path}")
        names = ["gpt-4o", "gpt-4o-mini", "o4-mini", "text-embedding-3-small"]
        models = [{"id": name, "object": "model", "owned_by": "fake"} for name in names]
        self.say({"object": "list", "data": models})

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES_MAX:
            self.close_connection = True
            return self.fail(413, "the request is too long")
        raw = self.rfile.read(length)
        if self.path not in CALLS:
            return self.fail(404, f"there is no {self.path}")
        answer_to, stream, messages_of = CALLS[self.path]
        try:
            body = json.loads(raw)
            asked_to_fail = re.search(r"#([45]\d\d)", question_of(messages_of(body))[0])
            if asked_to_fail:
                self.usage.add(str(body.get("model", "")), calls=1, failures=1)
                return self.fail(int(asked_to_fail[1]), "as was asked for")
            whole = answer_to(body)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return self.fail(400, f"not understood: {error!r}")
        self.usage.add_answer(whole)
        tokens = whole["usage"]["total_tokens"]
        if body.get("stream") and stream:
            self.say_in_parts(stream(whole, body), tokens)
        else:
            time.sleep(self.delay + tokens / 1000 * (self.delay > 0))
            self.say(whole)

    def say(self, whole, status=200):
        data = json.dumps(whole).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def say_in_parts(self, parts, tokens):
        """As server-sent events; the time that the answer takes is before the first."""
        time.sleep(self.delay)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        named = False
        for name, part in parts:
            named = bool(name)
            head = f"event: {name}\n" if name else ""
            self.wfile.write(f"{head}data: {json.dumps(part)}\n\n".encode())
            self.wfile.flush()
            time.sleep(0.001 * (self.delay > 0))
        if not named:
            self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def fail(self, status, message):
        kind = ERROR_TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
        self.say({"error": {"message": message, "type": kind, "param": None, "code": kind}}, status)

    def log_message(self, *_):
        """Says nothing of each request."""


def serve(port=0, delay=0.0):
    """A server that `serve_forever` starts; its port is `server_address[1]`."""
    handler = type("Handler", (Handler,), {"delay": delay, "usage": Usage()})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    return server


def main():
    parser = argparse.ArgumentParser(description="An OpenAI-compatible server without a model.")
    parser.add_argument("--port", type=int, default=8001, help="0 for any; said on standard output")
    parser.add_argument("--delay", type=float, default=0.05, help="seconds that an answer takes")
    args = parser.parse_args()
    server = serve(args.port, args.delay)
    print(f"http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
