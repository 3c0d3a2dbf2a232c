"""A model that needs no network: the writer's part, spoken over OpenAI's chat protocol.

It answers a task with one block of code, and the block's result with what the result says.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

CODE: Final = """\
def fibonacci(n):
    now, following = 0, 1
    for _ in range(n):
        now, following = following, now + following
    return now


print(fibonacci(14))"""
FIRST: Final = f"I count upwards, one step a turn.\n\n```python\n{CODE}\n```\n\nThat prints it."
SECOND: Final = "The 14th Fibonacci number is 377."


@dataclass(slots=True)
class Model:
    """Where it listens, and every request that it was sent."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)


def answer(messages: list[dict[str, Any]]) -> str:
    """The writer's next words: it believes only what the code has printed."""
    last = str(messages[-1]["content"])
    if "377" in last:
        return SECOND
    if "exitcode" in last:
        return f"That is not what I expected: {last}"
    return FIRST


@contextmanager
def served() -> Iterator[Model]:
    """Listen on a free port of this machine, until the end of the `with`."""
    model = Model()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            model.requests.append(asked)
            body = json.dumps(completion(asked)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    model.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def completion(asked: dict[str, Any]) -> dict[str, Any]:
    """The answer in the protocol's form."""
    message = {"role": "assistant", "content": answer(asked["messages"])}
    return {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 0,
        "model": asked["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
