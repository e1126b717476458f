"""Places and numbers of objects on the crops of ``starbridge select``, in their whole images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bridge.errors import BadInputError
from bridge.formats.text_cells import read_cells

CROP = "_crop"
"""Ending of the name of a crop, where it is not called as its image."""

_WINDOWS = "crops.csv"
_OBJECTS = ("labels/{name}_crop_objects.csv", "masks/{name}_objects.csv")
_CORNER = ("left", "top")
_NUMBERS = ("label", "original_label")
_LARGEST = 2**53 - 1
_REMEDY = "give the folder 'crops' that starbridge select wrote"


@dataclass(frozen=True)
class SectionCrops:
    """A folder of crops.

    Attributes:
        folder: ``crops`` of the selection.
    """

    folder: Path

    @cached_property
    def corners(self) -> dict[str, tuple[int, int]]:
        """Column and row of the first pixel of each crop, by the name of its image.

        Raises:
            BadInputError: the folder has no table of crops, or a damaged one.
        """
        path = self.folder / _WINDOWS
        if not path.is_file():
            raise BadInputError(self.folder, f"has no {_WINDOWS}", _REMEDY)
        names, (lefts, tops) = _columns(path, ("name", *_CORNER), _CORNER)
        return dict(zip(names, zip(lefts, tops, strict=True), strict=True))

    def corner(self, name: str) -> tuple[int, int]:
        """Return column and row of the first pixel of the crop of an image.

        Raises:
            BadInputError: there is no crop of it.
        """
        if name not in self.corners:
            raise BadInputError(self.folder, f"has no crop of {name}", _REMEDY)
        return self.corners[name]

    def numbers(self, name: str) -> dict[int, int]:
        """Return the number that each object has in the whole image, by that in the crop.

        Raises:
            BadInputError: there is no table of its objects, or it does not have these numbers.
        """
        paths = [self.folder / place.format(name=name) for place in _OBJECTS]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise BadInputError(self.folder, f"has no table of the objects of {name}", _REMEDY)
        _, (here, there) = _columns(path, _NUMBERS, _NUMBERS)
        return dict(zip(here, there, strict=True))


def _columns(
    path: Path, titles: tuple[str, ...], whole: tuple[str, ...]
) -> tuple[list[str], list[list[int]]]:
    """Return the texts of the first column, and columns of whole numbers."""
    cells = read_cells(path, titles)
    missing = [title for title in titles if title not in cells.columns]
    if missing:
        raise BadInputError(path, f"has no column {missing[0]!r}", _REMEDY)
    names = [text or "" for text in cells.texts(titles[0])]
    return names, [cells.whole_numbers(title, 0, _LARGEST) for title in whole]
