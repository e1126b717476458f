"""Checks of one file in one runtime: it loads, runs, and gives the expected numbers."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bridge.model.config import DEFAULT_THRESHOLDS
from models_export.contents import ModelFile
from models_export.operations import unknown_operations
from models_export.parity import (
    NOISE,
    Detector,
    Difference,
    Expected,
    Reference,
    compare,
    trial_images,
)
from models_export.runtimes import Program, RunError, Runtime, RuntimeMissingError
from models_export.runtimes.bioimageio import BioimageioCore
from models_export.runtimes.pool import RUNTIMES, Runtimes
from models_export.runtimes.tensorflow1 import TensorFlow1

Status = Literal["passed", "failed", "not verified"]

_DIVISOR = 64  # what Fiji and QuPath make tiles a multiple of


@dataclass(frozen=True)
class Check:
    """The result of running a file in a runtime.

    Attributes:
        runtime: its name and version.
        status: ``passed``, ``failed``, or ``not verified`` where it could not be tried.
        reason: why it did not pass, in plain words; or a remark.
        compared_with: what its output was compared with; ``""`` where it was not compared.
        differences: figures, one for each test image.
        seconds: how long it took.

    Example:
        >>> str(Check("OpenCV 4.11.0", "failed", "it finds 3 objects instead of 5"))
        'failed in OpenCV 4.11.0: it finds 3 objects instead of 5'
    """

    runtime: str
    status: Status
    reason: str = ""
    compared_with: str = ""
    differences: tuple[Difference, ...] = ()
    seconds: float = 0.0

    def __str__(self) -> str:
        text = f"{self.status} in {self.runtime}"
        if self.reason:
            text += f": {self.reason}"
        elif self.differences:
            probability = max(d.probability for d in self.differences)
            distance = max(d.distance for d in self.differences)
            real = self.differences[-1]
            text += (
                f" (against {self.compared_with}: probability {probability:.1e}, "
                f"distance {distance:.1e} px, {real.objects} objects in StarDist's test image"
            )
            text += f", {real.remark})" if real.remark else ")"
        return text


def check_everywhere(
    file: ModelFile, reference: Reference | None, pool: Runtimes, runtimes: Sequence[str]
) -> tuple[Check, ...]:
    """Check a file in each of several runtimes; see :func:`check_file`.

    A bioimage.io package is tested by bioimageio.core instead, on its own test images.
    """
    if file.kind == "bioimageio":
        runtimes = ("bioimageio.core",)
    return tuple(check_file(file, name, pool, reference) for name in runtimes)


def check_file(
    file: ModelFile, runtime_name: str, runtimes: Runtimes, reference: Reference | None
) -> Check:
    """Run a file in a runtime and compare.

    Args:
        file: the file.
        runtime_name: one of :data:`models_export.runtimes.pool.RUNTIMES`.
        runtimes: the runtimes that are started already.
        reference: the model's own output; ``None`` where the model is not at hand: then the file
            is compared with itself in the TensorFlow of today.
    """
    try:
        runtime = runtimes.get(runtime_name)
    except RuntimeMissingError as error:
        return Check(RUNTIMES[runtime_name].title, "not verified", error.reason)
    runtimes.listener.doing(f"run {file.path.name} in {runtime.name}")
    started = time.perf_counter()
    status: Status = "passed"
    reason, against = "", ""
    differences: tuple[Difference, ...] = ()
    try:
        reasons = [*file.problems, *_unknown(file, runtime)]
        if reasons:
            raise _RefusedError(_joined(reasons, file.made_with))
        if isinstance(runtime, BioimageioCore) and file.kind == "bioimageio":
            against = "its test image"
            if failure := runtime.test_package(file.path):
                raise _RefusedError(failure)
        else:
            with tempfile.TemporaryDirectory(prefix="starbridge-") as folder:
                program = file.unpack(Path(folder))
                expected, against = _expected(file, program, runtime, runtimes, reference)
                differences = tuple(
                    _compared(file, e, runtime.run(program, e.image.pixels)) for e in expected
                )
        failures = [d.failure for d in differences if d.failure]
        if failures:
            status, reason = "failed", failures[0]
        elif not against:
            reason = "it loads and runs; give --model to compare its results too"
    except _RefusedError as refusal:
        status, reason = "failed", str(refusal)
    except RunError as error:
        status, reason = "failed", f"it cannot be run: {error}"
    except RuntimeMissingError as error:
        status, reason = "not verified", error.reason
    seconds = time.perf_counter() - started
    return Check(runtime.name, status, reason, against, differences, seconds)


class _RefusedError(Exception):
    """The file fails for a reason that needs no runtime's message."""


def _unknown(file: ModelFile, runtime: Runtime) -> list[str]:
    if file.graph is None or not isinstance(runtime, TensorFlow1):
        return []
    return unknown_operations(file.graph, runtime.operations, runtime.name)


def _joined(reasons: list[str], made_with: str) -> str:
    more = f" (and {len(reasons) - 3} more)" if len(reasons) > 3 else ""
    text = "; ".join(reasons[:3]) + more
    return f"made with {made_with}: {text}" if made_with else text


def _compared(file: ModelFile, expected: Expected, tensor: NDArray[Any]) -> Difference:
    size, result = expected.image.pixels.shape[:-1], tensor.shape[:-1]
    if file.kind == "saved_model" and result != size:
        raise _RefusedError(_too_small(size, result))
    if tensor.shape != expected.tensor.shape:
        raise _RefusedError(
            f"its output is {_size(tensor.shape)} instead of {_size(expected.tensor.shape)}, "
            "so it is another model's"
        )
    return compare(expected, tensor)


def _too_small(size: tuple[int, ...], result: tuple[int, ...]) -> str:
    text = f"its output is {_size(result)} for an image of {_size(size)}"
    factor = int(np.prod([s / r for s, r in zip(size, result, strict=False)]))
    if factor > 1:
        text += f": Fiji would find about {factor} times too many objects without a warning"
    return f"{text}; export it again with starbridge export"


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _expected(
    file: ModelFile,
    program: Program,
    runtime: Runtime,
    runtimes: Runtimes,
    reference: Reference | None,
) -> tuple[list[Expected], str]:
    """Return the outputs that the file must give, and the runtime they come from."""
    if reference is not None:
        for_fiji = file.kind == "saved_model"
        expected = reference.expected(upsampled=for_fiji, classes=not for_fiji, size=file.size)
        return expected, reference.name
    images = trial_images(
        file.n_dim, file.channels, (_DIVISOR,) * file.n_dim, (1, 99.8), size=file.size
    )
    if file.kind == "onnx":
        other = None if runtime is runtimes.get("onnxruntime") else runtimes.get("onnxruntime")
    else:
        other = runtimes.get("tensorflow")
    result = []
    prob, nms = DEFAULT_THRESHOLDS["prob"], DEFAULT_THRESHOLDS["nms"]
    for image in images:
        tensor = (other or runtime).run(program, image.pixels)
        size = image.pixels.shape[:-1]
        if file.kind == "saved_model" and tensor.shape[:-1] != size:
            raise _RefusedError(_too_small(size, tensor.shape[:-1]))
        grid = tuple(s // t for s, t in zip(size, tensor.shape[:-1], strict=True))
        detector = Detector(grid, tensor.shape[-1] - 1, prob, nms)
        objects = None if image.name == NOISE else detector.objects(tensor)
        remarks = [image.remark] if image.remark else []
        remarks.append(f"with StarDist's thresholds {prob:g} and {nms:g}")
        result.append(Expected(image, tensor, detector, objects, ", ".join(remarks)))
    return ([] if other is None else result), ("" if other is None else other.name)
