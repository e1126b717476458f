"""bioimageio.core's own test of a package."""

from __future__ import annotations

import os
import time
from pathlib import Path

from models_export.checks import Check
from models_export.listener import Listener


def check_package(path: Path, listener: Listener) -> Check:
    """Let bioimageio.core read a package, run its ONNX weights on its test image and compare.

    Args:
        path: the .zip.
        listener: told what is run.
    """
    name = "bioimageio.core"
    # It greets through loguru, on stderr.
    os.environ.setdefault("LOGURU_LEVEL", "ERROR")
    try:
        import bioimageio.core
    except ImportError:
        return Check(
            name, "not verified", 'is not installed; pip install "starbridge[export]" brings it'
        )
    name = f"bioimageio.core {bioimageio.core.__version__}"
    listener.doing(f"run {path.name} in {name}")
    started = time.perf_counter()
    try:
        # Other weights may come with code of a stranger, which would be run.
        summary = bioimageio.core.test_model(path, weight_format="onnx")
    except Exception as error:  # whatever it raises, the package is not usable in it
        return Check(name, "failed", " ".join(str(error).split())[:400])
    seconds = time.perf_counter() - started
    if summary.status == "passed":
        return Check(name, "passed", compared_with="its test image", seconds=seconds)
    errors = [error.msg for detail in summary.details for error in detail.errors]
    reason = " ".join("; ".join(errors[:2]).split())[:400] or f"its status is {summary.status}"
    return Check(name, "failed", reason, seconds=seconds)
