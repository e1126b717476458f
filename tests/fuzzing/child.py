"""Read damaged files one after another, in a process of its own that may be killed by one.

``python -m tests.fuzzing.child FOLDER COUNT KIND FIRST [KIND FIRST …]`` prints each case before it
is read, and its outcome behind it, as lines of JSON.
"""

from __future__ import annotations

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

SECONDS = 10
"""Time that a case may take."""

MEMORY = 256 * 2**20
"""Bytes that a case may take: hundreds of times the size of an honest file, and a hundredth of what
a file can claim."""


_WARMING = range(-3, 0)


def main() -> None:
    """Run the cases of all kinds."""
    place, count, *kinds = sys.argv[1:]
    folder = Path(place)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    for name, first in zip(kinds[::2], kinds[1::2], strict=True):
        for number in _WARMING:  # what is loaded once is no case's memory
            with suppress(Exception):
                KINDS[name].read(KINDS[name].make(folder, _random(name, number)))
        for number in range(int(first), int(count)):
            remove(folder)
            path = KINDS[name].make(folder, _random(name, number))
            say(kind=name, case=number)
            started = time.monotonic()
            signal.alarm(SECONDS)
            outcome, trace = _outcome(name, path, folder)
            signal.alarm(0)
            say(outcome=outcome, seconds=round(time.monotonic() - started, 2), trace=trace)


def _outcome(name: str, path: Path, folder: Path) -> tuple[str, str]:
    """Read a file; return what became of it, and where a foreign exception came from."""
    set_memory_limit(MEMORY)
    try:
        KINDS[name].read(path)
    except StarbridgeError as error:
        text = str(error)
        is_one_line = len(text.splitlines()) == 1 and str(folder) in text
        return ("refused" if is_one_line else f"not one line about the file: {text[:300]}"), ""
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:300]}", traceback.format_exc()
    finally:
        set_memory_limit(None)
    return "result", ""


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
