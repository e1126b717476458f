"""Read damaged files one after another, in a process of its own that may be killed by one.

``python -m tests.fuzzing.child FOLDER COUNT KIND FIRST [KIND FIRST …]`` prints each case before it
is read, and its outcome behind it, as lines of JSON.
"""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import resource
import signal
import sys
import time
import traceback
import warnings
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np

from bridge.errors import StarbridgeError
from tests.fuzzing.kinds import KINDS, remove
from tests.fuzzing.memory import measured

SECONDS = 10
"""Time that a case may take."""

LIMIT = 256 * 2**20
"""Bytes at which the system stops a case, so that no claim harms the machine: a hundredth of what a
file can claim. What is tried is held to far less by its kind's floor."""

_WARMING = range(-3, 0)


def main() -> None:
    """Run the cases of all kinds."""
    place, count, *kinds = sys.argv[1:]
    folder = Path(place)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    for name, first in zip(kinds[::2], kinds[1::2], strict=True):
        kind, honest = KINDS[name], _Honest(name)
        for number in _WARMING:  # what is loaded once is no case's memory
            with suppress(Exception):
                random = _random(name, number)
                path = kind.write(folder, random)
                kind.read(path)
                kind.damage(path, random)
                kind.read(path)
            remove(folder)
        gc.collect()
        gc.freeze()  # so that collecting what a case left takes no time
        for number in range(int(first), int(count)):
            random = _random(name, number)
            path = kind.write(folder, random)
            allowed = 2 * honest.memory(path) + kind.floor
            kind.damage(path, random)
            say(kind=name, case=number)
            started = time.monotonic()
            signal.alarm(SECONDS)
            outcome, trace, taken = _outcome(name, path, folder)
            signal.alarm(0)
            if taken > allowed:  # what was loaded for it is no memory of the file
                *_, taken = _outcome(name, path, folder)
            if taken > allowed and outcome in ("result", "refused"):
                outcome = f"{outcome}, and took {taken:,} bytes, where {allowed:,} are allowed"
            seconds = round(time.monotonic() - started, 2)
            say(outcome=outcome, seconds=seconds, trace=trace, taken=taken, allowed=allowed)
            remove(folder)


class _Honest:
    """The memory that reading the honest files of a kind takes; equal files are read once."""

    def __init__(self, name: str) -> None:
        self._read = KINDS[name].read
        self._known: dict[bytes, int] = {}

    def memory(self, path: Path) -> int:
        """Return the bytes that reading an honest file or folder takes."""
        files = sorted(file for file in (path, *path.rglob("*")) if file.is_file())
        content = hashlib.sha256(b"".join(file.read_bytes() for file in files)).digest()
        if content not in self._known:
            with measured() as peak:
                self._read(path)
                self._known[content] = peak()
        return self._known[content]


def _outcome(name: str, path: Path, folder: Path) -> tuple[str, str, int]:
    """Read a file; return what became of it, where a foreign exception came from, and its bytes."""
    with measured() as peak:
        set_memory_limit(LIMIT)
        try:
            KINDS[name].read(path)
        except StarbridgeError as error:
            text = str(error)
            is_one_line = len(text.splitlines()) == 1 and str(folder) in text
            outcome = "refused" if is_one_line else f"not one line about the file: {text[:300]}"
            return outcome, "", peak()
        except BaseException as error:
            return f"{type(error).__name__}: {str(error)[:300]}", traceback.format_exc(), peak()
        finally:
            set_memory_limit(None)
        return "result", "", peak()


def say(**values: object) -> None:
    """Print a line for the test."""
    print(json.dumps(values), flush=True)  # noqa: T201


def set_memory_limit(more: int | None) -> None:
    """Allow the process so many bytes more than it has; any number where ``None``."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = hard
    if more is not None:
        status = Path("/proc/self/status").read_text()
        soft = int(status.partition("VmData:")[2].split()[0]) * 1024 + more
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _random(name: str, number: int) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(name.encode()), number + len(_WARMING)])


if __name__ == "__main__":
    main()
