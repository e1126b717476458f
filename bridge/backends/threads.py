"""How many threads an engine may start."""

from __future__ import annotations

import os


def allowed_threads() -> int:
    """What ``OMP_NUM_THREADS`` says, which clusters and parallel runs set; 0: as many as suit.

    OpenVINO and ONNX Runtime have threads of their own and do not look at it.
    """
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdecimal() else 0
