"""A web server on this computer that gives out models: at once, with a halt, in part, or not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.waiting import PATIENCE


@dataclass
class Answer:
    """An answer of the server.

    Attributes:
        body: the file.
        status: HTTP's status.
        location: address to which it redirects.
        cut_at: bytes after which the connection is closed, though more are promised.
        held: whether it waits, after half of the file, until the server is released.
    """

    body: bytes = b""
    status: int = 200
    location: str = ""
    cut_at: int | None = None
    held: bool = False


class ModelServer(ThreadingHTTPServer):
    """Gives out answers by path.

    Attributes:
        answers: by path, such as ``"/model.zip"``.
        asked: the paths that were asked for, in this order.
        half_way: how many held answers have sent their first half.
        released: set it to let held answers go on.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.half_way = 0
        self.released = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, *_: Any) -> None:
        """Keep silent about clients that were killed."""


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        answer = self.server.answers.get(path, Answer(status=404))
        self.send_response(answer.status)
        if answer.location:
            self.send_header("Location", answer.location)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        half = len(answer.body) // 2 if answer.held else 0
        self.wfile.write(answer.body[:half])
        if answer.held:
            self.wfile.flush()
            self.server.half_way += 1
            self.server.released.wait(PATIENCE)
        self.wfile.write(answer.body[half : answer.cut_at])

    def log_message(self, *_: Any) -> None:
        """Keep silent."""


@contextmanager
def serving() -> Iterator[ModelServer]:
    """Serve for the time of the block."""
    with ModelServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()
