"""Compression that everyone can read and that takes little time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

# zlib-ng is several times as fast as zlib, but not every build of imagecodecs has it.
_compress: Callable[..., bytes | bytearray] = (
    imagecodecs.zlibng_encode if imagecodecs.ZLIBNG.available else imagecodecs.zlib_encode
)


def zlib_bytes(data: bytes | NDArray[Any], level: int) -> bytes:
    """Compress to a zlib stream (RFC 1950); other threads go on meanwhile.

    Args:
        data: anything; of an array the values in C order.
        level: 1, which is the fastest, to 9.
    """
    plain = data if isinstance(data, bytes) else np.ascontiguousarray(data)
    return bytes(_compress(plain, level))
