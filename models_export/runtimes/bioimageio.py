"""bioimageio.core, which tests a bioimage.io package by itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models_export.runtimes import Program, RunError, Runtime, import_library

if TYPE_CHECKING:
    from numpy.typing import NDArray


class BioimageioCore(Runtime):
    """bioimageio.core, which runs whole packages only."""

    def start(self) -> None:
        """Import bioimageio.core."""
        # It prints a greeting through loguru, on stderr.
        os.environ.setdefault("LOGURU_LEVEL", "ERROR")
        self._core = import_library("bioimageio.core", "bioimageio.core", "export")
        self.name = f"bioimageio.core {self._core.__version__}"

    def run(self, program: Program, image: NDArray[Any]) -> NDArray[Any]:
        """Refuse to run; see :meth:`test_package`."""
        raise RunError("it runs bioimage.io packages only")

    def test_package(self, path: Path) -> str:
        """Run the ONNX weights of a package on its test image and compare with its test output.

        Args:
            path: the .zip.

        Returns:
            The reason why the package failed, or ``""``.
        """
        try:
            # Weights in other formats may contain code of unknown origin, which would be run.
            summary = self._core.test_model(path, weight_format="onnx")
        except Exception as error:  # whatever it raises, the package is not usable in it
            return " ".join(str(error).split())[:400]
        if summary.status == "passed":
            return ""
        errors = [error.msg for detail in summary.details for error in detail.errors]
        reason = " ".join("; ".join(errors[:2]).split())[:400]
        return reason or f"its status is {summary.status}"
