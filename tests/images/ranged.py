"""A web server that gives parts of files, and an fsspec driver for it: an object store in small."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from fsspec import AbstractFileSystem
from fsspec.spec import AbstractBufferedFile

from tests.waiting import PATIENCE


class Server(ThreadingHTTPServer):
    """Serves a folder.

    Attributes:
        folder: the folder.
        sent: bytes of files that were asked for.
        broken: whether every further request fails.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.sent = 0
        self.broken = False

    def url(self, name: str) -> str:
        return f"ranged://127.0.0.1:{self.server_port}/{name}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        path = self.server.folder / self.path.lstrip("/")
        self.send_response(503 if self.server.broken else 200 if path.exists() else 404)
        self.send_header("X-Type", "directory" if path.is_dir() else "file")
        if path.is_dir():
            self.send_header("X-Names", "/".join(child.name for child in path.iterdir()))
        elif path.exists():
            self.send_header("Content-Length", str(path.stat().st_size))
            self.send_header("ETag", str(path.stat().st_mtime_ns))
        self.end_headers()

    def do_GET(self) -> None:
        start, end = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
        if self.server.broken:
            self.send_error(503)
            return
        data = (self.server.folder / self.path.lstrip("/")).read_bytes()[start : end + 1]
        self.server.sent += len(data)
        self.send_response(206)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Keep silent."""


class RangedFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Files of a :class:`Server`."""

    protocol: ClassVar[str] = "ranged"
    cachable = False

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        answer = self.ask("HEAD", path)
        if answer.status == 404:
            raise FileNotFoundError(path)
        if answer.status != 200:
            raise http.client.HTTPException(f"the server says {answer.status}")
        size = answer.getheader("Content-Length")
        return {
            "name": path,
            "type": answer.getheader("X-Type"),
            "size": int(size) if size else 0,
            "ETag": answer.getheader("ETag"),
            "names": answer.getheader("X-Names"),
        }

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        info = self.info(path)
        if info["type"] == "file":
            return [info if detail else info["name"]]
        inside = [f"{info['name']}/{name}" for name in (info["names"] or "").split("/") if name]
        return [self.info(name) for name in inside] if detail else inside

    def cat_file(self, path: str, start: int = 0, end: int | None = None, **_: Any) -> bytes:
        path = self._strip_protocol(path)
        last = (self.info(path)["size"] if end is None else end) - 1
        answer = self.ask("GET", path, Range=f"bytes={start}-{last}")
        if answer.status != 206:
            raise http.client.HTTPException(f"the server says {answer.status}")
        return answer.read()

    def ask(self, method: str, path: str, **headers: str) -> http.client.HTTPResponse:
        host, _, name = path.partition("/")
        connection = http.client.HTTPConnection(host, timeout=PATIENCE)
        connection.request(method, f"/{name}", headers=headers)
        return connection.getresponse()

    def _open(self, path: str, mode: str = "rb", **options: Any) -> RangedFile:
        names = ("block_size", "cache_type", "cache_options")
        return RangedFile(self, path, mode, **{n: options[n] for n in names if n in options})


class RangedFile(AbstractBufferedFile):  # type: ignore[misc]
    """A file of which fsspec asks for parts."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        data: bytes = self.fs.cat_file(self.path, start, end)
        return data


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve a folder for the time of the block."""
    with Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
