"""Disable third-party telemetry.

OpenVINO and NNCF (Intel, through Google Analytics) and ONNX Runtime (Microsoft) send usage data
unless it is disabled before they are imported.

Sources: ``openvino_telemetry``'s README, ``nncf/telemetry/wrapper.py``, ONNX Runtime's
``Privacy.md``.
"""

from __future__ import annotations

import os
import sys


def disable_telemetry() -> None:
    """Disable telemetry of libraries that are imported later; the user's own settings are kept."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("NNCF_CI", "1")
    # OpenVINO has no switch, but works without the module that sends.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
