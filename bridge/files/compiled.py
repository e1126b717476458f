"""Functions that are compiled by Numba, and where their machine code is kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

from bridge.files.cache import CACHE_VARIABLE, cache_folder

_Function = TypeVar("_Function", bound=Callable[..., Any])

_WORTH_THREADS = 2**20  # pixels

_OF_CACHE_FILES = ("_index_name", "_load_index", "_save_index", "_save_data")
"""Part of ``numba.core.caching.IndexDataCacheFile`` that is used here (Numba 0.55 to 0.68)."""


def compiled(**options: Any) -> Callable[[_Function], _Function]:
    """Compile a function to machine code when it is called first (``numba.njit``).

    The code is kept beside the source, else in the cache folder that ``STARBRIDGE_CACHE`` names,
    else in the user's cache. Where none of them can be written, as in a container that runs as
    another user, it is kept in memory, and each process compiles for itself.

    Args:
        options: of ``numba.njit``, without ``cache``.

    >>> @compiled()
    ... def twice(number):
    ...     return 2 * number
    >>> twice(21)
    42
    """

    def decorate(function: _Function) -> _Function:
        import numba

        _choose_folder()
        try:
            dispatcher = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # no folder that can be written
            return numba.njit(**options)(function)  # type: ignore[no-any-return]
        _name_by_signature(dispatcher)
        return dispatcher  # type: ignore[no-any-return]

    return decorate


@contextmanager
def suitable_threads(pixels: int) -> Iterator[None]:
    """Run compiled functions of this thread on one core in this block, where an image is small.

    Functions that share their work out wait for the slowest core each time: on a busy machine for a
    time slice of some milliseconds, many times what the work on a crop of an object takes.

    Args:
        pixels: of the planes that the functions go through.

    >>> import numba
    >>> with suitable_threads(100 * 100):
    ...     numba.get_num_threads()
    1
    """
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(before if pixels > _WORTH_THREADS else 1)
    try:
        yield
    finally:
        numba.set_num_threads(before)


@cache
def _choose_folder() -> None:
    """Have Numba use our cache folder, where the package's cannot be written."""
    import numba

    config: Any = numba.config
    is_named = bool(os.environ.get(CACHE_VARIABLE))
    if is_named and not config.CACHE_DIR and not os.access(Path(__file__).parent, os.W_OK):
        config.CACHE_DIR = str(cache_folder() / "numba")


def _name_by_signature(dispatcher: Any) -> None:
    """Name files of code by the types that they are for.

    Numba numbers them. Two processes that compile one function at once, for different types, would
    give both the same number, and a third would run the code of the wrong types.
    """
    kept: Any = getattr(dispatcher, "_cache", None)
    file: Any = getattr(kept, "_cache_file", None)
    if all(hasattr(file, name) for name in _OF_CACHE_FILES):
        file.save = partial(_save, file)
        file.load = partial(_if_possible, file.load)
        kept.save_overload = partial(_if_possible, kept.save_overload)


def _if_possible(do: Callable[..., Any], *arguments: Any) -> Any:
    """Load or save machine code; a damaged file or a full disk costs a compilation only."""
    with suppress(OSError, EOFError, ValueError, UnpicklingError):
        return do(*arguments)
    return None


def _save(file: Any, key: Any, code: Any) -> None:
    """Save machine code, and then its name in the index."""
    digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
    name = f"{Path(file._index_name).stem}.{digest}.nbc"
    file._save_data(name, code)
    try:
        overloads = file._load_index()
    except (EOFError, ValueError, UnpicklingError):
        overloads = {}  # a damaged index is written anew
    overloads[key] = name
    file._save_index(overloads)
