"""Names of the files of a review folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Literal

from bridge.review.record import ENDING

HIDDEN = ".starbridge"
"""Folder inside a review folder that holds what reviewers need not see."""

Role = Literal["rois", "image", "conflicts"]
ROLES: tuple[Role, ...] = ("rois", "image", "conflicts")
"""Files of an image that a push replaces; the reviewer saves one of the first two."""


@dataclass(frozen=True)
class ReviewFiles:
    """Paths of the files of one image in a review folder; none of them need exist.

    ======================================  ==========================================
    path                                    holds
    ======================================  ==========================================
    ``NAME.tif``                            the image, its objects as the overlay
    ``NAME_rois.zip``                       the objects for the ROI Manager
    ``NAME.starbridge-review``              the record of the last push
    ``NAME_conflicts.csv``                  its conflicts, where there were any
    ``earlier reviews/``                    what reviewers saved, before a push replaced it
    ``.starbridge/lock``                    held by the push that is going on
    ``.starbridge/images/NAME/next/``       files of a push that has not ended
    ``.starbridge/images/NAME/aside/``      files that are just being replaced
    ``.starbridge/images/NAME/PUSH…``       the record of every push
    ======================================  ==========================================

    Attributes:
        folder: the review folder.
        name: the image's name.

    >>> ReviewFiles.of("review", "section").rois.name
    'section_rois.zip'
    """

    folder: Path
    name: str

    @classmethod
    def of(cls, folder: str | PathLike[str], name: str) -> ReviewFiles:
        """Return the files of an image."""
        return cls(Path(folder), name)

    @property
    def image(self) -> Path:
        """TIFF with overlay."""
        return self.folder / f"{self.name}.tif"

    @property
    def rois(self) -> Path:
        """RoiSet.zip."""
        return self.folder / f"{self.name}_rois.zip"

    @property
    def conflicts(self) -> Path:
        """Table of the conflicts of the last push."""
        return self.folder / f"{self.name}_conflicts.csv"

    @property
    def record(self) -> Path:
        """Record of the last push."""
        return self.folder / f"{self.name}{ENDING}"

    @property
    def lock(self) -> Path:
        """Lock of the whole folder."""
        return self.folder / HIDDEN / "lock"

    @property
    def hidden(self) -> Path:
        """Folder of what a push needs of this image."""
        return self.folder / HIDDEN / "images" / self.name

    @property
    def next(self) -> ReviewFiles:
        """Paths of the files as a push writes them aside."""
        return ReviewFiles(self.hidden / "next", self.name)

    @property
    def aside(self) -> ReviewFiles:
        """Paths of the files while they are being replaced."""
        return ReviewFiles(self.hidden / "aside", self.name)

    def path(self, role: Role) -> Path:
        """Return the path of one of the files."""
        return {"rois": self.rois, "image": self.image, "conflicts": self.conflicts}[role]

    def kept_record(self, push: str) -> Path:
        """Return the path of the record of a push, also of an earlier one."""
        return self.hidden / f"{push}{ENDING}"

    def unused_earlier(self, path: Path) -> Path:
        """Return an unused path under which a reviewer's file is kept: ``NAME_rois_2.zip``."""
        numbers = iter(range(1, 10**9))
        return next(kept for n in numbers if not (kept := self._earlier(path, n)).exists())

    def watched(self) -> Iterator[Path]:
        """Yield the paths that decide what the review is."""
        yield self.record
        for files in (self, self.aside):
            yield from (files.rois, files.image)

    def _earlier(self, path: Path, number: int) -> Path:
        return self.folder / "earlier reviews" / f"{path.stem}_{number}{path.suffix}"
