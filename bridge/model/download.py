"""Downloads of model files: complete, of the right hash, or not at all."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bridge.errors import BadInputError
from bridge.files.archive import LARGEST
from bridge.model.address import without_secrets
from bridge.model.store import temporary_folder

_PIECE = 2**16  # bytes
_PATIENCE = 30.0  # seconds without an answer, or without a byte of it
_BY_HAND = "download it in a browser, and give the file"


def download(
    address: str,
    target: Path,
    sha256: str | None = None,
    remedy: str = _BY_HAND,
    check: Callable[[Path], None] = lambda _: None,
) -> Path:
    """Download a file, with its progress on stderr.

    It is written under a temporary name and renamed when it is complete, so that neither a lost
    connection nor a killed process leaves a part of it under its name.

    Args:
        address: ``https:`` or ``http:``; redirections are followed.
        target: the final path, in the cache.
        sha256: its hash (hexadecimal), where it is known.
        remedy: what a user can do where it cannot be downloaded.
        check: called with the complete file before it gets its final path; an error that it raises
            leaves there what was there before.

    Returns:
        The final path.

    Raises:
        BadInputError: no network, no such file, another hash, or the cache cannot be written.
    """
    import pooch
    import requests

    shown = without_secrets(address)
    if not address.lower().startswith(("https://", "http://")):
        raise BadInputError(shown, "is no address of the web", "give one with https://")
    pooch.get_logger().setLevel("ERROR")  # it would tell what the line below tells
    with temporary_folder(target.parent) as folder, _Progress(shown, target.name) as progress:
        try:
            pooch.retrieve(
                address,
                known_hash=sha256 and f"sha256:{sha256}",
                fname=target.name,
                path=folder,
                downloader=pooch.HTTPDownloader(
                    progressbar=progress, chunk_size=_PIECE, timeout=_PATIENCE
                ),
            )
        except requests.HTTPError as error:
            # Its text holds the address, secrets included.
            answer = error.response
            said = "nothing" if answer is None else f"{answer.status_code} {answer.reason}"
            raise BadInputError(
                shown, f"cannot be downloaded: the server says {said}", remedy
            ) from error
        except (
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        ) as error:
            raise BadInputError(
                shown, "was cut off while it was downloaded", "run the same command again"
            ) from error
        except (requests.ConnectionError, requests.Timeout) as error:
            if progress.done:
                problem, what = "was cut off while it was downloaded", "run the same command again"
            else:
                problem, what = "cannot be reached (no network?)", remedy
            raise BadInputError(shown, problem, what) from error
        except requests.RequestException as error:
            raise BadInputError(
                shown, f"cannot be downloaded ({type(error).__name__})", remedy
            ) from error
        except ValueError as error:
            # pooch removed it.
            raise BadInputError(
                shown,
                "is not the file that was published: its SHA-256 differs",
                "run the same command again; if it stays so, " + remedy,
            ) from error
        part = folder / target.name
        check(part)
        _let_others_read(part)
        try:
            part.replace(target)
        except PermissionError:
            # Windows does not replace a file that another process reads.
            if not target.is_file():
                raise
    return target


def _let_others_read(path: Path) -> None:
    """Give a file the usual permissions: pooch makes files that their owner alone can read."""
    usual = path.with_name(".permissions")
    usual.touch()
    path.chmod(stat.S_IMODE(usual.stat().st_mode))


class _Progress:
    """Progress of a download on stderr, as pooch moves it on: a bar, or a line without a terminal.

    Attributes:
        total: bytes in all; 0 where the server does not say.
        done: bytes so far.
    """

    def __init__(self, address: str, name: str) -> None:
        self.total = 0
        self.done = 0
        self._address = address
        self._name = name
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=30),
                DownloadColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task(f"downloading {self._name}", total=None)
            self._bar.start()
        else:
            print(f"starbridge: downloading {self._address}", file=sys.stderr)  # noqa: T201
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, count: int) -> None:
        """Count bytes."""
        self.done += count
        if max(self.done, self.total) > LARGEST + _PIECE:
            raise BadInputError(self._address, "is far larger than a model", "check the address")
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, total=self.total or None)

    def reset(self) -> None:
        """Begin to count again."""
        self.done = 0

    def close(self) -> None:
        """End; nothing is left to do."""
