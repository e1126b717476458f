"""From an image to nuclei: tiles, normalisation, networks, suppression.

The public names are :class:`Segmenter`, :class:`EngineSpec`, :func:`engine_names` and
:func:`find_engine`; they are imported when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.segment.engines.registry import EngineSpec as EngineSpec
    from bridge.segment.engines.registry import engine_names as engine_names
    from bridge.segment.engines.registry import find_engine as find_engine
    from bridge.segment.segmenter import Segmenter as Segmenter

__all__ = ["EngineSpec", "Segmenter", "engine_names", "find_engine"]


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "segmenter" if name == "Segmenter" else "engines.registry"
    return getattr(import_module(f"{__name__}.{home}"), name)
