"""Find the file of objects that belongs to an image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from bridge.errors import BadInputError
from bridge.files.names import safe_name
from bridge.formats.layout import RECORD, by_rank, endings
from bridge.images import image_name
from bridge.images.names import is_zarr
from bridge.images.series import split_series
from bridge.images.zipped import split_archive

_SUFFIXES = ("_rois", "_labels", "_mask", "_table")
"""Endings that the name of a file of objects may add to the name of its image."""


def pair(
    images: Iterable[str | PathLike[str]], sources: Sequence[str | PathLike[str]]
) -> list[tuple[Path, Path]]:
    """Find the objects of each image by name.

    Args:
        images: image files; ``FILE#SERIES`` for one image of a file of several, whose objects are
            called so too (``a#2.geojson``).
        sources: files of objects, or folders such as ``starbridge segment --out`` writes. One
            file for one image need not have its name.

    Returns:
        Each image with the file of its objects.

    Raises:
        BadInputError: an image without objects, or with several files of objects; two images of
            one name; a source that is not there.

    >>> pair(["section1.tif"], ["results/"])  # doctest: +SKIP
    [(PosixPath('section1.tif'), PosixPath('results/geojson/section1.geojson'))]
    """
    files = [Path(image) for image in images]
    places = [Path(source) for source in sources]
    for place in places:
        if not place.exists() and split_archive(place) is None:
            raise BadInputError(place, "is not there", "check the path")
    if len(files) == len(places) == 1 and not _is_folder(places[0]):
        return [(files[0], places[0])]
    pairs: list[tuple[Path, Path]] = []
    owners: dict[Path, Path] = {}
    for file in files:
        name = _name(file)
        of_name = (path for place in places for path in _of(place, name))
        found = list({path.resolve(): path for path in reversed([*of_name])}.values())[::-1]
        if not found:
            looked = ", ".join(dict.fromkeys(map(str, places)))
            raise BadInputError(file, f"has no objects in {looked}", f"expected {name}.geojson")
        if len(found) > 1:
            raise BadInputError(
                file, f"has objects in {found[0]} and in {found[1]}", "give one of them"
            )
        owner = owners.setdefault(found[0].resolve(), file)
        if owner.resolve() != file.resolve():
            raise BadInputError(
                found[0],
                f"would be the objects of {owner} and of {file}",
                "give one image of this name at a time",
            )
        pairs.append((file, found[0]))
    return pairs


def _name(file: Path) -> str:
    """Return the name of an image as files of its objects have it."""
    path, series = split_series(file)
    return image_name(path) + ("" if series is None else f"#{safe_name(series)}")


def _of(source: Path, name: str) -> list[Path]:
    """Return the file of an image's objects in a source, or nothing."""
    if _is_folder(source):
        candidates = (source / place.format(name=name) for place in _candidates())
        return [path for path in candidates if path.is_file() or is_zarr(path)][:1]
    stem = _stem(source.name)
    return [source] if stem in (name, *(name + suffix for suffix in _SUFFIXES)) else []


def _is_folder(source: Path) -> bool:
    """Return whether a source is a folder of files; an OME-Zarr folder is an image."""
    return source.is_dir() and not is_zarr(source)


def _candidates() -> Iterator[str]:
    """Yield the places where a folder keeps the objects of an image, the fullest format first."""
    for spec in by_rank():
        yield from (spec.place, spec.file_name, *spec.aliases)


def _stem(name: str) -> str:
    """Return a file's name without its ending, whole where no format has the ending."""
    known = (ending for ending in endings() if name.lower().endswith(ending))
    return name[: len(name) - len(max(known, key=len, default=""))]


def name_of_objects(path: Path) -> str:
    """Return the name of the image that a file of objects belongs to, as its own name says it.

    >>> name_of_objects(Path("roi/section 1_rois.zip"))
    'section 1'
    """
    stem = _stem(path.name)
    return next((stem.removesuffix(s) for s in _SUFFIXES if stem.endswith(s)), stem)


def objects_of(path: Path, sources: Sequence[Path], *, alone: bool = False) -> Path:
    """Return the objects of one image among several, so that a missing file stops no other image.

    Args:
        path: the image.
        sources: as in :func:`pair`.
        alone: it is the only image: a single file of objects need not have its name.

    Raises:
        BadInputError: there are none, or several.
    """
    # A single source goes with a single image whatever its name; one that is given twice does not.
    return pair([path], [*sources] if alone else [*sources, *sources])[0][1]


def has_objects(path: Path, source: Path) -> bool:
    """Return whether a file, or a folder of files, has objects of an image, as their names say.

    >>> has_objects(Path("images/a.tif"), Path("roi/a_rois.zip"))
    True
    """
    return bool(_of(source, _name(path)))


@contextmanager
def add_source_to_errors(path: Path, source: Path) -> Iterator[None]:
    """Add an image and its file of objects to errors that name neither.

    Raises:
        BadInputError: the error, which names both.
    """
    try:
        yield
    except BadInputError as error:
        if error.source in (str(source), str(path)):
            raise
        raise BadInputError(
            path, f"with {source}: {error.source} {error.problem}", error.remedy
        ) from error


def result_folders(images: Iterable[Path]) -> list[Path]:
    """Return folders to look for objects in, where none are given.

    Args:
        images: image files.

    Returns:
        The folders of the images; and inside them and beside them the folders of results, which
        are known by their ``run.json``.
    """
    own = list(dict.fromkeys(image.absolute().parent for image in images))
    found = dict.fromkeys(own)
    for folder in own:
        for around in dict.fromkeys((folder, folder.parent)):
            found |= dict.fromkeys(sorted(record.parent for record in around.glob(f"*/{RECORD}")))
    return list(found)
