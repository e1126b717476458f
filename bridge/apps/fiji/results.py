"""Results of requests to ImageJ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import pandas as pd

    from bridge.detections import Detections
    from bridge.review import Merged


@dataclass(frozen=True, kw_only=True)
class OpenImage:
    """An image that is open in ImageJ.

    Attributes:
        id: its number in ImageJ.
        title: its title.
        width, height: size in pixels.
        channels, slices, frames: size along each of these axes.
        bits: 8, 16, 32 (float) or 24 (colour) a pixel.
        unit: unit of ``pixel_size``, as ImageJ spells it (``"um"``, ``"µm"``, ``"pixel"``).
        pixel_size: x, y, z.
    """

    id: int
    title: str
    width: int
    height: int
    channels: int
    slices: int
    frames: int
    bits: int
    unit: str
    pixel_size: tuple[float, float, float]

    @classmethod
    def from_answer(cls, answer: dict[str, Any]) -> Self:
        """Create it from an answer of the worker; further keys are left out."""
        known = {key: answer[key] for key in cls.__dataclass_fields__}
        return cls(**{**known, "pixel_size": tuple(answer["pixel_size"])})


@dataclass(frozen=True, kw_only=True)
class MacroResult:
    """Results of a macro.

    Attributes:
        value: its return value, ``None`` if it has none.
        printed: its log, line by line.
        table: the Results table, ``None`` where it is empty.
        images: images that it opened and left open.
        read_rois: reads the ROIs that were saved when the macro ended.
    """

    value: str | None
    printed: str
    table: pd.DataFrame | None
    images: tuple[OpenImage, ...]
    read_rois: Callable[[], Detections] = field(repr=False)

    @cached_property
    def rois(self) -> Detections:
        """ROIs of the ROI Manager, or of the active image's overlay, when the macro ended.

        They are read at the first access, as tens of thousands take seconds.
        """
        return self.read_rois()


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Result of a push.

    Attributes:
        image: the image under the objects.
        count: number of objects.
        merged: merge with the earlier review, ``None`` for a first push.
    """

    image: OpenImage
    count: int
    merged: Merged | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class About:
    """Versions of a session's ImageJ and Java.

    Attributes:
        name: ``ImageJ 1.54p (embedded)`` or ``Fiji (ImageJ 1.54p) in FOLDER``.
        version: version of ImageJ 1.
        java: version of Java.
        heap: maximal memory of Java in bytes.
        lacks: missing plugins that starbridge could use.
    """

    name: str
    version: str
    java: str
    heap: int
    lacks: tuple[str, ...]

    def __str__(self) -> str:
        lacking = f"; without {', '.join(self.lacks)}" if self.lacks else ""
        return f"{self.name}, Java {self.java}, {self.heap / 2**30:.1f} GB{lacking}"
