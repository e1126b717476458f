"""bioimageio.core's own test of a package."""

from __future__ import annotations

import os
from pathlib import Path

from models_export.console import Listener
from models_export.runtimes import import_library


def run_package_test(path: Path, listener: Listener) -> tuple[str, str]:
    """Let bioimageio.core run the ONNX weights of a package on its test image and compare.

    Args:
        path: the .zip.
        listener: receives the steps.

    Returns:
        The name and version of bioimageio.core, and the reason why the package failed or ``""``.

    Raises:
        RuntimeMissingError: bioimageio.core is not installed.
    """
    # bioimageio.core prints a greeting through loguru, on stderr.
    os.environ.setdefault("LOGURU_LEVEL", "ERROR")
    core = import_library("bioimageio.core", "bioimageio.core", "export")
    name = f"bioimageio.core {core.__version__}"
    listener.doing(f"run {path.name} in {name}")
    try:
        # Weights in other formats may contain a stranger's code, which would be run.
        summary = core.test_model(path, weight_format="onnx")
    except Exception as error:  # whatever it raises, the package is not usable in it
        return name, " ".join(str(error).split())[:400]
    if summary.status == "passed":
        return name, ""
    errors = [error.msg for detail in summary.details for error in detail.errors]
    reason = " ".join("; ".join(errors[:2]).split())[:400]
    return name, reason or f"its status is {summary.status}"
