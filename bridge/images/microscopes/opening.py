"""Open one image of a microscope's own file."""

from __future__ import annotations

import math
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import BadInputError
from bridge.images.axes import lay_out
from bridge.images.contents import Contents
from bridge.images.microscopes.reading import ORDER, PlaneStore, SeriesFile
from bridge.images.microscopes.registry import EXPORT
from bridge.images.series import choose_series

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.images.locations import Location
    from bridge.images.microscopes.reading import Series
    from bridge.images.microscopes.registry import Microscope

_MOST_PLANES = 10_000_000


def open_microscope(
    path: Location, microscope: Microscope, *, axes: str | None, dataset: str | None
) -> Contents:
    """Open one image of a file.

    Args:
        path: the file.
        microscope: its format.
        axes: axes a person gave, over what the file says.
        dataset: number (from 0) or name of the image, for a file with several.

    Returns:
        The opened image.

    Raises:
        BadInputError: for a file that is damaged, is at a URL, or holds several images of which
            none is chosen; and for what its library cannot read.
        MissingPartError: the library is not installed.
    """
    read_series = microscope.load(path)
    if not isinstance(path, Path):
        raise BadInputError(
            path,
            f"is a {microscope.name} file, which cannot be read by URL",
            f"have it fetched first, or {EXPORT}",
        )
    with _quiet():
        try:
            file = read_series(path)
        except (BadInputError, PermissionError, FileNotFoundError):
            raise
        except Exception as error:
            raise _damaged(path, microscope, str(error) or type(error).__name__) from error
    try:
        return _contents(path, microscope, file, axes, dataset)
    except BaseException:
        file.close()
        raise


def _contents(
    path: Path, microscope: Microscope, file: SeriesFile, axes: str | None, dataset: str | None
) -> Contents:
    if not file.series:
        raise _damaged(path, microscope, "there is no image in it")
    names = [series.name for series in file.series]
    series = file.series[choose_series(path, names, dataset, microscope.unit)]
    if min(series.shape) < 0 or math.prod(series.shape[: len(ORDER)]) > _MOST_PLANES:
        raise _damaged(path, microscope, "it claims impossible sizes")
    if series.problem:
        raise BadInputError(path, series.problem, EXPORT)
    rgb = series.dtype == np.uint8  # as in a TIFF: what has more bits is measured, not looked at
    layout = lay_out(path, series.shape, known=_letters(series), given=axes, rgb=rgb)
    return Contents(
        PlaneStore(series, file.close),
        layout,
        series.dtype,
        pixel_size=series.pixel_size,
        channels=series.channels,
    )


def _letters(series: Series) -> list[str | None]:
    letters = (ORDER + "YXS")[: len(series.shape)]
    return [
        letter if size > 1 or letter in "YX" else None
        for letter, size in zip(letters, series.shape, strict=True)
    ]


def _damaged(path: Path, microscope: Microscope, detail: str) -> BadInputError:
    return BadInputError(
        path,
        f"is no readable {microscope.name} file, it is damaged, cut short or of a newer kind "
        f"({detail[:120]})",
        f"copy the file again, or {EXPORT}",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries' own warnings from the user: what matters becomes an error of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
