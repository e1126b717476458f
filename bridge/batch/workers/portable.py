"""Send a segmenter to another process: what it is made of, not its loaded network."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.errors import BadInputError
from bridge.model.folder import open_model
from bridge.segment.segmenter import Segmenter

if TYPE_CHECKING:
    from bridge.model.recipe import Recipe
    from bridge.segment.engines.registry import EngineSpec

_loaded: dict[bytes, Segmenter] = {}


@dataclass(frozen=True)
class PortableSegmenter:
    """The parts from which another process makes the same segmenter.

    Attributes:
        model: the model folder, or ``demo``.
        sha256: of the model, which must be the same there.
        recipe: how to apply it.
        spec: loads the engine.
    """

    model: str
    sha256: str
    recipe: Recipe
    spec: EngineSpec

    @classmethod
    def of(cls, segmenter: Segmenter) -> PortableSegmenter:
        """Return the parts of a segmenter.

        Raises:
            BadInputError: its engine was given as a loaded object only.
        """
        if segmenter.spec is None:
            raise BadInputError(
                "engine",
                "is a loaded network, which cannot go to other processes",
                "give the segmenter spec in place of engine",
            )
        model = segmenter.model
        return cls(model.origin, model.sha256, segmenter.recipe, segmenter.spec)

    def load(self) -> Segmenter:
        """Return the segmenter; a process makes it once and keeps the last one.

        Raises:
            BadInputError: the model is not there, or another one.
        """
        key = pickle.dumps(self)
        if key not in _loaded:
            _loaded.clear()
            folder = open_model(self.model, allow_3d=True)
            if folder.sha256 != self.sha256:
                raise BadInputError(
                    folder.path,
                    "is another model than on the machine that started the run",
                    "put the model into a folder that all machines share",
                )
            _loaded[key] = Segmenter(folder, self.recipe, spec=self.spec)
        return _loaded[key]
