"""Arrays in NumPy's ``.npy`` files, read without unpickling and without trusting their headers.

The format is described in ``numpy.lib.format``; only its version 1.0 is read, which holds every
array of numbers.
"""

from __future__ import annotations

import io
import math
import stat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError

_MOST_BYTES = 2**31  # of a file: forests of thousands of strokes have a few MB


def array_bytes(array: NDArray[Any]) -> bytes:
    r"""Return the content of an ``.npy`` file.

    Args:
        array: of numbers.

    >>> array_bytes(np.zeros(3, "<f4"))[:6]
    b'\x93NUMPY'
    """
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def read_array(path: Path, dtype: str, cure: str) -> NDArray[Any]:
    """Read an ``.npy`` file, whose header claims no more than the file has.

    Args:
        path: the file.
        dtype: type that it must have, with its byte order: ``<f4``.
        cure: what the user can do about a damaged file.

    Returns:
        A list or a table of that type, in the order of this machine's bytes.

    Raises:
        BadInputError: it is not there, is cut short, or is of another type or of more dimensions.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "a.npy").write_bytes(array_bytes(np.arange(3, dtype="<i4")))
    ...     read_array(Path(folder) / "a.npy", "<i4", "take a copy of it").tolist()
    [0, 1, 2]
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a device or a pipe has no end
            raise ValueError("it is no file")
        if status.st_size > _MOST_BYTES:
            raise ValueError("it is far too large")
        data = path.read_bytes()
        stream = io.BytesIO(data)
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("it is of another version")
        shape, is_fortran, stored = _read_header(stream)
        body = data[stream.tell() :]
        if stored != np.dtype(dtype) or is_fortran:
            raise ValueError(f"it is not of type {dtype}")
        if len(shape) > 2 or min(shape, default=0) < 0:
            raise ValueError("it is no list and no table")
        if math.prod(shape) * stored.itemsize != len(body):
            raise ValueError("it is cut short")
    except (ValueError, EOFError, OSError) as error:
        raise BadInputError(path, f"is damaged ({str(error)[:120]})", cure) from error
    array: NDArray[Any] = np.frombuffer(body, stored).reshape(shape)
    return array.astype(stored.newbyteorder("="))


def _read_header(stream: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        return np.lib.format.read_array_header_1_0(stream)
    except Exception as error:  # NumPy parses it as Python, which fails in many ways
        raise ValueError("its header is damaged") from error
