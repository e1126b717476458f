"""File formats of objects: a module each, which reads and writes :class:`bridge.Detections`.

:mod:`bridge.formats.layout` is their registry. A file's format follows from its ending.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from bridge.errors import BadInputError
from bridge.formats.layout import spec_of

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

    from bridge.detections import Detections


class Format(Protocol):
    """A module that reads and writes a file format."""

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
    """Load the format of a file by the ending of its name.

    Raises:
        BadInputError: no format has this ending.

    >>> format_of("nuclei.geojson").__name__
    'bridge.formats.geojson'
    """
    return cast("Format", spec_of(path).load())


def write_all(
    detections: Detections,
    paths: Iterable[str | PathLike[str]],
    *,
    markers: GeoDataFrame | None = None,
) -> None:
    """Write the same detections into several files; the label image is drawn only once.

    Args:
        detections: the objects.
        paths: files, whose formats follow from their endings. The next path is taken from the
            iterable only when the file before it is complete.
        markers: points and lines (:mod:`bridge.formats.markers`), which GeoJSON, CSV and ROI zips
            hold too.

    Raises:
        BadInputError: as :meth:`bridge.detections.Detections.write`; later files are not written.

    >>> import tempfile
    >>> import numpy as np
    >>> from bridge import Detections
    >>> objects = Detections.from_labels(np.eye(3, dtype=np.uint8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_all(objects, [f"{folder}/a_labels.tif", f"{folder}/a.csv"])
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['a.csv', 'a_labels.tif']
    """
    checked = replace(detections)  # the table may have been edited since
    labels: NDArray[Any] | None = None
    for path in paths:
        spec = spec_of(path)
        options = {}
        if spec.needs_size:
            labels = checked.to_labels() if labels is None else labels
            options["labels"] = labels
        elif markers is not None:
            options["markers"] = markers
        spec.load().write(checked, path, **options)


@contextmanager
def errors_of(file: Path) -> Iterator[None]:
    """Name a file in the errors of what is made of its content.

    Raises:
        BadInputError: with the file for its source.
    """
    try:
        yield
    except BadInputError as error:
        raise BadInputError(file, error.problem, error.remedy) from error


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
