"""Settings by which training pairs are read, whatever they are read from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bridge.errors import BadInputError, StarbridgeError

Note = Callable[[str], None]
"""Called with a sentence for the user."""

OnError = Callable[[StarbridgeError], None]
"""Called with the error of an image, which is left out."""

ANY_SPLIT = ("train", "val", "test")
"""Names of the parts of a data set."""


def ignore_note(line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """Choice of what is read of images and of their objects.

    Attributes:
        channels: numbers from 0, or names; all colours of a colour image, or the only channel,
            where empty.
        axes: as in :func:`bridge.open_image`.
        objects: files of objects, or folders of them, for images that are given alone or in a
            folder of their own.
        z, t: slice and time point of a stack, from 0.
        inside: classes of region annotations: the pixels in them were reviewed, all others become
            :data:`bridge.training.pairs.IGNORED`. The regions are no objects. Label images, which
            have no regions, count as a whole.
        done: names of images that were reviewed as a whole.
        everything: all images were reviewed as a whole.
        annotations: annotations are objects beside detections, too.
        nuclei: nuclei are the objects of cells that have one.
        keep_empty: images without objects are background to learn from.
        percentiles: intensities of the whole image that become 0 and 1, where a pair is a part
            of it (``TrainingPair.ranges``).

    Raises:
        BadInputError: percentiles that are none.

    >>> ReadOptions(inside=("Done",)).percentiles
    (1.0, 99.8)
    """

    channels: tuple[str, ...] = ()
    axes: str | None = None
    objects: tuple[Path, ...] = ()
    z: int | None = None
    t: int | None = None
    inside: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    everything: bool = False
    annotations: bool = False
    nuclei: bool = False
    keep_empty: bool = False
    percentiles: tuple[float, float] = (1.0, 99.8)

    def __post_init__(self) -> None:
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise BadInputError(
                "percentiles", f"{low:g} and {high:g} are no range", "give two from 0 to 100"
            )
