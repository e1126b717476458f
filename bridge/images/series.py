"""Several images in one file: how one of them is named, and what is said where none is."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from bridge.errors import BadInputError
from bridge.images.contents import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike


def split_series(path: str | PathLike[str]) -> tuple[Path, str | None]:
    """Split ``FILE#SERIES``, which names one image of a file that holds several.

    Args:
        path: a file, or ``FILE#2`` (counted from 0) or ``FILE#name``. A file whose own name has a
            ``#`` is taken as it is.

    Returns:
        The file, and its series as ``dataset`` of :func:`bridge.images.open_image` takes it;
        ``None`` where none is named.

    >>> split_series("slides.lif#2")
    (PosixPath('slides.lif'), '2')
    >>> split_series("slide.tif")
    (PosixPath('slide.tif'), None)
    """
    place = Path(path)
    if "#" not in str(place):
        return place, None
    try:
        if place.exists():
            return place, None
        # Names of series may have slashes, so that the sign need not be in the last part.
        for depth, part in enumerate(place.parts):
            name, _, series = part.partition("#")
            file = Path(*place.parts[:depth], name)
            if name and series and file.is_file():
                return file, "/".join([series, *place.parts[depth + 1 :]])
    except OSError:  # no permission to read the folder
        return place, None
    name, _, series = place.name.rpartition("#")
    return (place.with_name(name), series) if name and series else (place, None)


def how_to_choose(
    source: str | PathLike[str], choices: Mapping[str, Sequence[int]], *, numbered: bool = False
) -> str:
    """Return how one of a file's images is named, with what there is to choose from.

    >>> how_to_choose("data/a.lif", {"0 left": (), "1 right": ()}, numbered=True)
    'choose one as in a.lif#0: 0 left, 1 right'
    """
    first = next(iter(choices), "0")
    example = first.split(" ")[0] if numbered else first
    return f"choose one as in {PurePath(source).name}#{example}: {listed(choices)}"


class SeveralImagesError(BadInputError):
    """A file that holds several images, of which none was chosen.

    Args:
        source: the file.
        problem: what it holds, as a clause.
        choices: names as ``dataset`` of :func:`bridge.images.open_image` takes them, each with the
            shape of the image, or nothing.
        numbered: whether the names begin with a number, which alone is enough.

    Attributes:
        choices: what ``dataset`` can be, in the order of the file, and the name of each that is
            chosen by its number.
    """

    def __init__(
        self,
        source: str | PathLike[str],
        problem: str,
        choices: Mapping[str, Sequence[int]],
        *,
        numbered: bool = False,
    ) -> None:
        split = [name.partition(" ") if numbered else (name, "", "") for name in choices]
        self.choices = {choice: name for choice, _, name in split}
        super().__init__(source, problem, how_to_choose(source, choices, numbered=numbered))


def choose_series(
    source: str | PathLike[str], names: Sequence[str], chosen: str | None, kind: str
) -> int:
    """Return the number of the chosen image of a file, or of its only one.

    Args:
        source: the file, named in errors.
        names: of its images, ``""`` for one without a name.
        chosen: a number from 0, a name, or the last part of a name with slashes; None where none
            is chosen.
        kind: how the microscope's maker calls such images: ``scene``, ``series``, ``position``.

    Raises:
        SeveralImagesError: nothing is chosen among several.
        BadInputError: no image, or several, are called so.

    >>> choose_series("a.lif", ["left", "right"], "right", "series")
    1
    """
    choices: dict[str, tuple[int, ...]] = {
        f"{number} {name}".strip(): () for number, name in enumerate(names)
    }
    if chosen is None:
        if len(names) == 1:
            return 0
        raise SeveralImagesError(
            source, f"holds {len(names)} images ({kind})", choices, numbered=True
        )
    for fits in (
        [i for i, name in enumerate(names) if name == chosen],
        [i for i in range(len(names)) if str(i) == chosen],
        [i for i, name in enumerate(names) if name.rpartition("/")[2] == chosen],
    ):
        if len(fits) == 1:
            return fits[0]
    raise BadInputError(
        source,
        f"has {'several images' if names.count(chosen) > 1 else 'no image'} {chosen!r}",
        how_to_choose(source, choices, numbered=True),
    )
