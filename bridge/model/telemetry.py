"""Libraries that would report their use to their makers do not.

OpenVINO and NNCF (Intel, through Google Analytics) and ONNX Runtime (Microsoft) send usage data
unless they are told otherwise before they are imported. What a person segments is theirs to tell.

Sources: ``openvino_telemetry``'s README, ``nncf/telemetry/wrapper.py``, ONNX Runtime's
``Privacy.md``.
"""

from __future__ import annotations

import os
import sys


def disable_telemetry() -> None:
    """To be called before ``openvino``, ``nncf`` or ``onnxruntime`` is imported.

    A person's own settings of their environment variables are kept.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("NNCF_CI", "1")
    # OpenVINO has no switch, but does without the module that would send.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
