"""File names of images: which endings count, what an image is called, what a folder holds."""

from __future__ import annotations

import re
from os import fspath
from pathlib import Path
from typing import TYPE_CHECKING, overload

from bridge.errors import BadInputError
from bridge.files.names import safe_name
from bridge.images.locations import Location, RemotePath, locate
from bridge.images.series import split_series
from bridge.images.zipped import METADATA, split_archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from os import PathLike

    from bridge.images.zipped import ZipFolder

IMAGE_ENDINGS: tuple[str, ...] = (
    ".ome.tif",
    ".ome.tiff",
    ".ome.btf",
    ".tif",
    ".tiff",
    ".btf",
    ".h5",
    ".hdf5",
    ".ome.zarr",
    ".zarr",
    ".ome.zarr.zip",
    ".zarr.zip",
    ".ozx",
    ".czi",
    ".lif",
    ".nd2",
    ".oir",
)
"""Endings of the files (and ``.zarr`` folders) that count as images in a folder, in lower case."""

_SERIES = re.compile(
    rf"(?P<file>.+({'|'.join(map(re.escape, IMAGE_ENDINGS))}))#(?P<series>.+)", re.IGNORECASE
)


def image_name(path: str | PathLike[str]) -> str:
    """Return the name of an image: the file's name without an image ending.

    Args:
        path: ``"/data/My image.OME.TIF"``, an image at a URL, or ``FILE#SERIES``.

    Returns:
        ``"My image"``, ``"FILE#SERIES"`` without the ending. A name without a known ending stays
        as it is: dots are part of it (``"day 1.5"``).

    >>> image_name("/data/My image.OME.TIF"), image_name("day 1.5"), image_name("a.lif#2")
    ('My image', 'day 1.5', 'a#2')
    """
    name = path.name if isinstance(path, RemotePath) else Path(path).name
    if not isinstance(path, RemotePath) and (series := _SERIES.fullmatch(str(path))):
        return f"{image_name(series['file'])}#{safe_name(series['series'])}"
    for ending in sorted(IMAGE_ENDINGS, key=len, reverse=True):
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def is_zarr(path: Location | ZipFolder) -> bool:
    """Return whether a folder is a Zarr group or array, by the metadata files in it."""
    return any((path / name).is_file() for name in METADATA)


@overload
def find_images(paths: Iterable[Path]) -> list[Path]: ...
@overload
def find_images(paths: Iterable[str | PathLike[str]]) -> list[Location]: ...
def find_images(paths: Iterable[str | PathLike[str]]) -> Sequence[Location]:
    """Find the images among files, folders and URLs.

    Args:
        paths: files, taken as they are, in their order, whatever their ending; folders, searched
            for images directly inside. A ``.zarr`` folder is an image, and so is ``FILE#SERIES``,
            one of several in a file. Text may be a URL of a file or folder, or a URL with ``*``.

    Returns:
        The images; those of a folder in natural order (``s2`` before ``s10``), hidden files and
        macOS's ``._`` files left out.

    Raises:
        BadInputError: for a path that does not exist, a folder without images, or a URL that
            cannot be reached.

    >>> find_images(["experiment/", "s3://bucket/plate/*.tif"])  # doctest: +SKIP
    """
    found: list[Location] = []
    for text in paths:
        path = locate(text)
        try:
            if isinstance(path, RemotePath) and path.is_pattern:
                found += _matching(path)
            elif _is_web_folder(path, fspath(text)):
                found += _inside(path)
            elif isinstance(path, Path) and split_series(path)[1] is not None:
                found += [path for _ in find_images([split_series(path)[0]])]
            elif not (path.exists() or is_zarr(path) or _is_in_archive(path)):
                raise BadInputError(path, "does not exist", "check the spelling and the folder")
            else:
                found += _inside(path) if path.is_dir() and not _is_image_folder(path) else [path]
        except OSError as error:
            raise BadInputError(
                path,
                f"cannot be read ({error.strerror or error})",
                "check that you may open it and that the disk is connected",
            ) from error
    return found


def leave_out_twins(
    images: Sequence[Path], note: Callable[[str], None] = lambda line: None
) -> list[Path]:
    """Leave out HDF5 files beside which a TIFF of the same name is among the images.

    ``starbridge select`` writes each crop in both formats, into one folder.

    Args:
        images: files.
        note: called with a sentence that says what was left out.

    Returns:
        The others, in their order.

    >>> leave_out_twins([Path("a/s1.h5"), Path("a/s1.tif"), Path("a/s2.h5")], print)
    a/s1.h5: left out, as a TIFF of the same name is beside it
    [PosixPath('a/s1.tif'), PosixPath('a/s2.h5')]
    """
    tiffs = {path.with_suffix("") for path in images if path.suffix.lower() in (".tif", ".tiff")}
    twins = [
        path
        for path in images
        if path.suffix.lower() in (".h5", ".hdf5") and path.with_suffix("") in tiffs
    ]
    if twins:
        more = f" and {len(twins) - 1} more" if len(twins) > 1 else ""
        note(f"{twins[0]}{more}: left out, as a TIFF of the same name is beside it")
    return [path for path in images if path not in twins]


def _inside(folder: Location) -> list[Location]:
    images: list[Location] = [
        path
        for path in folder.iterdir()
        if path.name.lower().endswith(IMAGE_ENDINGS)
        and not path.name.startswith(".")
        and (_is_image_folder(path) if path.is_dir() else path.is_file())
    ]
    if not images:
        raise BadInputError(
            folder,
            "is a folder without images",
            f"give a folder with files that end in {', '.join(IMAGE_ENDINGS)}",
        )
    return sorted(images, key=_natural)


def _matching(pattern: RemotePath) -> list[Location]:
    found: list[Location] = [*pattern.matches()]
    if not found:
        raise BadInputError(pattern, "fits no image", "check the spelling and the folder")
    return sorted(found, key=_natural)


def _is_web_folder(path: Location, text: str) -> bool:
    """Return whether a web address is a folder, which only a slash at its end shows."""
    return isinstance(path, RemotePath) and text.endswith("/") and not _is_image_folder(path)


def _is_in_archive(path: Location) -> bool:
    return isinstance(path, Path) and split_archive(path) is not None


def _is_image_folder(path: Location) -> bool:
    return path.name.lower().endswith(".zarr") or is_zarr(path)


def _natural(path: Location) -> tuple[list[tuple[int, int, str]], str]:
    parts = re.split(r"(\d+)", path.name.casefold())
    key = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
    return key, path.name
