"""What comes back from ImageJ."""

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
        id: ImageJ's number for it.
        title: its title.
        width, height: pixels.
        channels, slices, frames: numbers of them.
        bits: 8, 16, 32 (float) or 24 (colour) a pixel.
        unit: of ``pixel_size``, as ImageJ says it (``"um"``, ``"µm"``, ``"pixel"``).
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
        """From what the worker says; further keys are left out."""
        known = {key: answer[key] for key in cls.__dataclass_fields__}
        return cls(**{**known, "pixel_size": tuple(answer["pixel_size"])})


@dataclass(frozen=True, kw_only=True)
class MacroResult:
    """What a macro left.

    Attributes:
        value: what it returned, ``None`` if nothing.
        printed: what it printed: the log, line by line.
        table: the Results table, ``None`` where it is empty.
        images: images that it opened and left open.
        read_rois: reads the ROIs out of what was saved of them when the macro ended.
    """

    value: str | None
    printed: str
    table: pd.DataFrame | None
    images: tuple[OpenImage, ...]
    read_rois: Callable[[], Detections] = field(repr=False)

    @cached_property
    def rois(self) -> Detections:
        """The ROIs of the ROI Manager, or of the overlay of the image in front.

        As they were when the macro ended; read when they are first asked for, since tens of
        thousands take seconds.
        """
        return self.read_rois()


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Objects that were shown for review.

    Attributes:
        image: the image they lie over.
        count: how many there are.
        merged: how they were merged with an earlier review, ``None`` for a first push.
    """

    image: OpenImage
    count: int
    merged: Merged | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class About:
    """Which ImageJ a session runs.

    Attributes:
        name: ``ImageJ 1.54p (embedded)`` or ``Fiji (ImageJ 1.54p) in FOLDER``.
        version: version of ImageJ 1.
        java: version of Java.
        heap: most memory of Java, bytes.
        lacks: plugins that starbridge could use and that are not there.
    """

    name: str
    version: str
    java: str
    heap: int
    lacks: tuple[str, ...]

    def __str__(self) -> str:
        lacking = f"; without {', '.join(self.lacks)}" if self.lacks else ""
        return f"{self.name}, Java {self.java}, {self.heap / 2**30:.1f} GB{lacking}"
