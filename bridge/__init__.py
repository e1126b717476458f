"""starbridge: StarDist nuclei, from a microscope image to Fiji, QuPath and Excel.

The public names are :class:`Detections`, :class:`Segmenter`, :class:`Image`, :func:`open_image`,
:class:`ImageInfo`, :class:`PixelSize`, :func:`train` and :func:`evaluate`. They are imported when
first used: the libraries behind them are heavy, and the command has to answer at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.apps.model_training import train as train
    from bridge.detections import Detections as Detections
    from bridge.images import Image as Image
    from bridge.images import open_image as open_image
    from bridge.images.info import ImageInfo as ImageInfo
    from bridge.images.info import PixelSize as PixelSize
    from bridge.segment.segmenter import Segmenter as Segmenter
    from bridge.training.evaluation.evaluating import evaluate as evaluate

__version__ = "0.1.0"

_HOME = {
    "Detections": "bridge.detections",
    "Image": "bridge.images",
    "ImageInfo": "bridge.images.info",
    "PixelSize": "bridge.images.info",
    "Segmenter": "bridge.segment.segmenter",
    "evaluate": "bridge.training.evaluation.evaluating",
    "open_image": "bridge.images",
    "train": "bridge.apps.model_training",
}

__all__ = [
    "Detections",
    "Image",
    "ImageInfo",
    "PixelSize",
    "Segmenter",
    "__version__",
    "evaluate",
    "open_image",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted(__all__)
