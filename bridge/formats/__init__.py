"""One module a file format; each reads and writes detections.

A format is a module with ``read(path, ...) -> Detections`` and ``write(detections, path, ...)``.
It is found by the ending of the file's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from bridge.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.detections import Detections

_MODULES = {
    ".ome.tiff": "labels",
    ".ome.tif": "labels",
    ".tiff": "labels",
    ".tif": "labels",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".roi": "imagej_rois",
    ".zip": "imagej_rois",
    ".geojson.gz": "geojson",
    ".geojson": "geojson",
    ".json.gz": "geojson",
    ".json": "geojson",
    ".csv": "tables",
    ".tsv": "tables",
    ".parquet": "tables",
}

_LABEL_IMAGES = ("labels", "hdf5")

ENDINGS = tuple(_MODULES)
"""Endings of all files that detections can be read from and written to."""


class Format(Protocol):
    """What a format's module offers."""

    def read(self, path: str | PathLike[str], **options: Any) -> Detections:
        """Read a file.

        Raises:
            BadInputError: missing, damaged, or not of this format.
        """

    def write(self, detections: Detections, path: str | PathLike[str], **options: Any) -> None:
        """Write a file, complete or not at all.

        Raises:
            BadInputError: cannot be written.
        """


def format_of(path: str | PathLike[str]) -> Format:
    """Find the format of a file by the ending of its name.

    Raises:
        BadInputError: no format has this ending.
    """
    return cast("Format", import_module(f"bridge.formats.{_module_of(path)}"))


def write_all(detections: Detections, paths: Iterable[str | PathLike[str]]) -> None:
    """Write the same detections into several files; the label image is drawn only once.

    Args:
        detections: what to write.
        paths: the files, whose formats follow from their endings. Each is asked for when the one
            before it is complete.

    Raises:
        BadInputError: as :meth:`bridge.detections.Detections.write`; later files are not written.
    """
    checked = replace(detections)  # the table may have been edited since
    labels: NDArray[Any] | None = None
    for path in paths:
        if _module_of(path) not in _LABEL_IMAGES:
            format_of(path).write(checked, path)
            continue
        labels = checked.to_labels() if labels is None else labels
        format_of(path).write(checked, path, labels=labels)


def _module_of(path: str | PathLike[str]) -> str:
    name = Path(path).name.lower()
    for ending, module in _MODULES.items():
        if name.endswith(ending):
            return module
    raise BadInputError(
        path, "has no ending that starbridge knows", f"use one of {' '.join(ENDINGS)}"
    )


def existing_file(path: str | PathLike[str]) -> Path:
    """Check that a path is a file with something in it.

    Raises:
        BadInputError: missing, a folder, empty, or not readable.
    """
    file = Path(path)
    if file.is_dir():
        raise BadInputError(file, "is a folder", "give a file")
    if not file.exists():
        raise BadInputError(file, "does not exist", "check the path")
    try:
        with file.open("rb") as stream:
            if not stream.read(1):
                raise BadInputError(file, "is empty (0 bytes)", "copy or save it again")
    except OSError as error:
        raise BadInputError(
            file, f"cannot be read: {error.strerror}", "check its permissions"
        ) from error
    return file
