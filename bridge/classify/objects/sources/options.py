"""Settings by which classed objects are read, whatever they are read from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """Choice of what is read.

    Attributes:
        images: of files of objects and tables of classes.
        objects: of tables of classes, and the outlines of crops.
        classes: those to learn; all where empty.
        annotations: annotations beside detections are objects, too.
        crops: folder of the crops of ``starbridge select`` that people classed objects on: the
            classes are of the objects of the whole images, which ``images`` and ``objects`` are.
        accepted: in a review, classes that were pushed and left as they were count, too.
        axes, pixel_size: of the images, as in :func:`bridge.open_image`.
    """

    images: tuple[Path, ...] = ()
    objects: tuple[Path, ...] = ()
    classes: tuple[str, ...] = ()
    annotations: bool = False
    crops: Path | None = None
    accepted: bool = False
    axes: str | None = None
    pixel_size: float | None = None
