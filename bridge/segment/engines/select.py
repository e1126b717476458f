"""Which engine runs a model: the one that was asked for, or the fastest that is here."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from typing import get_args

from bridge.errors import BadInputError, MissingPartError
from bridge.model.folder import ModelFolder
from bridge.segment.engines.base import Engine, EngineName, Precision

log = logging.getLogger(__name__)

_FOR_THE_PROCESSOR: tuple[EngineName, ...] = ("starbridge", "openvino")
"""What ``auto`` tries where no graphics card answers, before TensorFlow."""


@dataclass(frozen=True)
class EngineChoice:
    """What shall run a network. Called with a model folder, it loads the network.

    Attributes:
        name: ``starbridge`` (its own), ``keras`` (TensorFlow, the reference), ``openvino``,
            ``onnx``, or ``auto``: what is made for a graphics card that is here, else starbridge's
            own, OpenVINO where that does not know the network, else TensorFlow.
        precision: ``f32``, or ``int8`` for OpenVINO with a network that was calibrated
            (:func:`bridge.segment.engines.calibrate.calibrate`).

    Raises:
        BadInputError: an unknown word, or 8-bit integers in another engine than OpenVINO.
    """

    name: EngineName = "auto"
    precision: Precision = "f32"

    def __post_init__(self) -> None:
        for option, word, known in (
            ("engine", self.name, get_args(EngineName)),
            ("precision", self.precision, get_args(Precision)),
        ):
            if word not in known:
                raise BadInputError(
                    option, f"{word!r} is not one of them", f"choose from {', '.join(known)}"
                )
        if self.precision == "int8" and self.name not in ("auto", "openvino"):
            raise BadInputError(
                "precision",
                f"int8 is for OpenVINO, not for {self.name}",
                "leave --engine out, or use --precision f32",
            )

    def __call__(self, model: ModelFolder) -> Engine:
        """Load a model's network.

        Raises:
            MissingPartError: the engine is not installed.
            BadInputError: damaged weights, weights of another architecture, a network that the
                engine cannot run, 8-bit integers without calibration.
        """
        if self.precision == "int8":
            engine = _calibrated(model)
        elif self.name == "auto":
            engine = _fastest(model)
        else:
            engine = _named(model, self.name)
        log.info("%s: runs in %s on %s", model.name, engine.name, engine.device)
        return engine


def _named(model: ModelFolder, name: EngineName) -> Engine:
    if name == "starbridge":
        from bridge.segment.engines.winograd.engine import WinogradEngine

        return WinogradEngine(model)
    if name == "openvino":
        from bridge.segment.engines.openvino import OpenVinoEngine

        return OpenVinoEngine(model)
    if name == "onnx":
        from bridge.segment.engines.onnx import OnnxEngine

        return OnnxEngine(model)
    from bridge.segment.engines.keras import KerasEngine

    return KerasEngine(model)


def _calibrated(model: ModelFolder) -> Engine:
    from bridge.segment.engines.int8_cache import find_quantised, load_quantised
    from bridge.segment.engines.openvino import OpenVinoEngine

    found = find_quantised(model)
    if found is None:
        raise BadInputError(
            model.path,
            "has no 8-bit network yet",
            "run starbridge segment --precision int8, which makes one, or use --precision f32",
        )
    return OpenVinoEngine(model, load_quantised(found[0]))


def _fastest(model: ModelFolder) -> Engine:
    from bridge.segment.engines.onnx import sees_graphics_card

    if sees_graphics_card():
        engine = _if_it_runs(model, "onnx")
        if engine is not None and engine.device != "CPU":
            return engine
    if not _tensorflow_sees_graphics_card():
        for name in _FOR_THE_PROCESSOR:
            engine = _if_it_runs(model, name)
            if engine is not None:
                return engine
    return _named(model, "keras")


def _if_it_runs(model: ModelFolder, name: EngineName) -> Engine | None:
    try:
        return _named(model, name)
    except (MissingPartError, BadInputError) as error:
        log.info("%s cannot run the model, so another engine does: %s", name, error)
        return None


def _tensorflow_sees_graphics_card() -> bool:
    # TensorFlow takes seconds to load: where NVIDIA's driver is missing, it need not be asked.
    if shutil.which("nvidia-smi") is None:
        return False
    try:
        import tensorflow as tf
    except ImportError:
        return False
    return bool(tf.config.list_physical_devices("GPU"))
