"""Disable third-party telemetry.

ONNX Runtime (Microsoft) sends usage data unless it is told otherwise before it is imported (its
``Privacy.md``). What a person segments is theirs to tell.
"""

from __future__ import annotations

import os


def disable_telemetry() -> None:
    """Tell ONNX Runtime not to report its use; call this before ``onnxruntime`` is imported.

    A user's own setting of the environment variable is kept.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
