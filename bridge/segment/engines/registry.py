"""The engines that ``--engine`` offers. A new one is a module and one line of :data:`ENGINES`.

Nothing heavy is imported here: the command reads the names when it starts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bridge.errors import BadInputError, MissingPartError

if TYPE_CHECKING:
    from bridge.model.folder import ModelFolder
    from bridge.segment.engines.base import Engine, VolumeEngine

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineSpec:
    """An engine that can be chosen: how it is called, installed and loaded.

    It travels to other processes as it is; the network is loaded there.

    Attributes:
        key: word of ``--engine``, and of the run's record.
        loader: ``module:name`` of what takes a :class:`ModelFolder` and returns an
            :class:`bridge.segment.engines.base.Engine`, or that function or class itself.
        about: a clause for the documentation and ``starbridge doctor``.
        part: extra of starbridge that installs it; ``""`` where nothing more is needed.
        modules: Python modules that it imports, for ``starbridge doctor``.
        volumes: ``module:name`` of what takes the folder of a 3D model and returns a
            :class:`bridge.segment.engines.base.VolumeEngine`; ``""`` for an engine of planes only.
        gpu_check: ``module:name`` of a function that says whether its library is made for a
            graphics card that is here; ``""`` for an engine of the processor.

    >>> spec = EngineSpec("mine", "my_package.engine:MyEngine", "my own")
    >>> spec.has_gpu()
    False
    """

    key: str
    loader: str | Callable[[ModelFolder], Engine]
    about: str = ""
    part: str = ""
    modules: tuple[str, ...] = ()
    gpu_check: str = ""
    volumes: str = ""

    @property
    def install(self) -> str:
        """Command that installs it, or ``""``."""
        return f'pip install "starbridge[{self.part}]"' if self.part else ""

    def load(self, model: ModelFolder) -> Engine:
        """Load a model's network.

        Raises:
            MissingPartError: the engine is not installed; the text names the part.
            BadInputError: damaged weights, weights of another architecture, a network that the
                engine cannot run.
        """
        loader = _resolve(self.loader) if isinstance(self.loader, str) else self.loader
        engine: Engine = loader(model)
        log.info("%s: runs in %s on %s", model.name, engine.name, engine.device)
        return engine

    def load_volumes(self, model: ModelFolder) -> VolumeEngine:
        """Load the network of a 3D model.

        Raises:
            MissingPartError: the engine is not installed; the text names the part.
            BadInputError: damaged weights, or an engine of planes only.
        """
        if not self.volumes:
            able = ", ".join(spec.key for spec in ENGINES if spec.volumes)
            raise BadInputError(
                f"engine {self.key}", "runs 2D models only", f"take --engine {able} for a 3D model"
            )
        engine: VolumeEngine = _resolve(self.volumes)(model)
        log.info("%s: runs in %s on %s", model.name, engine.name, engine.device)
        return engine

    def has_gpu(self) -> bool:
        """Tell whether its library is made for a graphics card that is here."""
        return bool(self.gpu_check and _resolve(self.gpu_check)())


_HOME = "bridge.segment.engines."

ENGINES: tuple[EngineSpec, ...] = (
    EngineSpec(
        "starbridge",
        f"{_HOME}winograd.engine:WinogradEngine",
        "starbridge's own, for the processor (Intel's, AMD's and ARM's): the fastest",
    ),
    EngineSpec(
        "onnx",
        f"{_HOME}onnx:OnnxEngine",
        "ONNX Runtime, for graphics cards and for the processor",
        part="export",
        modules=("onnxruntime", "onnx"),
        gpu_check=f"{_HOME}onnx:has_gpu_build",
    ),
    EngineSpec(
        "keras",
        f"{_HOME}keras:KerasEngine",
        "TensorFlow with StarDist's own code: the reference, and the one for 3D models",
        part="segment",
        modules=("tensorflow", "stardist"),
        gpu_check=f"{_HOME}keras:has_gpu",
        volumes=f"{_HOME}keras3d:KerasVolumeEngine",
    ),
)
"""All engines, in the order in which ``auto`` tries them."""


def load_fastest(model: ModelFolder) -> Engine:
    """Load a model in the first engine with a graphics card, else in the first that can run it.

    Raises:
        MissingPartError: what can run the model is not installed.
        BadInputError: no engine that is installed can run the model.
    """
    for spec in ENGINES:
        if spec.has_gpu() and (engine := _try(spec, model)) and engine.device != "CPU":
            return engine
    for spec in ENGINES[:-1]:
        if engine := _try(spec, model):
            return engine
    return ENGINES[-1].load(model)


AUTO = EngineSpec(
    "auto", load_fastest, "the default, see below", volumes=f"{_HOME}keras3d:KerasVolumeEngine"
)


def engine_names() -> tuple[str, ...]:
    """Return the words that ``--engine`` takes.

    >>> engine_names()
    ('auto', 'starbridge', 'onnx', 'keras')
    """
    return (AUTO.key, *(spec.key for spec in ENGINES))


def find_engine(name: str) -> EngineSpec:
    """Return the engine of a name.

    Raises:
        BadInputError: there is none; the text lists those that there are.

    >>> find_engine("keras").install
    'pip install "starbridge[segment]"'
    """
    for spec in (AUTO, *ENGINES):
        if spec.key == name:
            return spec
    raise BadInputError(
        "engine", f"{name!r} is not one of them", f"choose from {', '.join(engine_names())}"
    )


def _try(spec: EngineSpec, model: ModelFolder) -> Engine | None:
    try:
        return spec.load(model)
    except (MissingPartError, BadInputError) as error:
        log.info("%s cannot run the model, so another engine does: %s", spec.key, error)
        return None


def _resolve(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)
