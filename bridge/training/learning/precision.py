"""Arithmetic in bfloat16 where the processor has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

from bridge.errors import BadInputError

Precision = Literal["auto", "float32", "bfloat16"]
"""``auto`` is bfloat16 where the processor multiplies in it."""

_FLAGS = {"avx512_bf16", "amx_bf16"}
_CPU_INFO = Path("/proc/cpuinfo")


def choose_precision(wanted: Precision = "auto") -> Literal["float32", "bfloat16"]:
    """Return the precision in which a network's products are computed.

    Weights, sums and losses are in 32 bits always.

    Raises:
        BadInputError: an unknown word.
    """
    if wanted not in get_args(Precision):
        raise BadInputError(
            "--precision", f"{wanted!r} is unknown", f"choose from {', '.join(get_args(Precision))}"
        )
    if wanted != "auto":
        return wanted
    return "bfloat16" if _FLAGS & _processor_flags() else "float32"


def _processor_flags() -> set[str]:
    """Return what the processor can do, as Linux lists it; nothing elsewhere."""
    try:
        lines = _CPU_INFO.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return set()
    return {flag for line in lines if line.startswith("flags") for flag in line.split()}


@contextmanager
def computing_in(precision: Literal["float32", "bfloat16"]) -> Iterator[None]:
    """Have TensorFlow's oneDNN multiply in a precision what is first run in this block."""
    import tensorflow as tf

    key = "auto_mixed_precision_onednn_bfloat16"
    before = tf.config.optimizer.get_experimental_options().get(key, False)
    tf.config.optimizer.set_experimental_options({key: precision == "bfloat16"})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({key: before})
