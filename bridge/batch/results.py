"""Outputs of a batch that finds objects: places, files to reuse, writing.

The folder follows haug2's conventions (``lbl/NAME_labels.tif``, ``lbl/NAME_labels.h5``,
``roi/NAME_rois.zip``) and adds ``geojson/``, ``tables/`` and ``preview/``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.batch.carry_out import AbandonedError
from bridge.errors import BadInputError
from bridge.formats import write_all
from bridge.formats.layout import PREVIEW, by_rank, places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.detections import Detections

ReadPlane = Callable[[int, int], "NDArray[Any]"]
"""Returns the plane (height, width) that a preview shows, for a slice z and a time point t."""


def check_formats(formats: Iterable[str]) -> None:
    """Check that outputs are known, and that there are any.

    Raises:
        BadInputError: an unknown one, or none.

    >>> check_formats(["labels", "preview"])
    """
    chosen = list(formats)
    unknown = [key for key in chosen if key not in places()]
    if unknown or not chosen:
        raise BadInputError(
            "formats",
            f"{unknown[0]!r} is not one of them" if unknown else "none was given",
            f"choose from {', '.join(places())}",
        )


def result_places(name: str, formats: Iterable[str]) -> dict[str, str]:
    """Return the files of an image by output, relative to the folder of results.

    >>> result_places("a", ["rois"])
    {'rois': 'roi/a_rois.zip'}
    """
    return {key: places()[key].format(name=name) for key in formats}


def reusable_result(name: str, out: Path) -> Path | None:
    """Return a file from which other outputs can be written, so that all keep their UUIDs.

    Args:
        name: of the image.
        out: the folder of results.

    Raises:
        BadInputError: the outlines cannot be had from what is there.
    """
    present = {
        key: path
        for key, relative in places().items()
        if (path := out / relative.format(name=name)).exists()
    }
    for spec in by_rank():
        if spec.key in present and not spec.needs_size:
            return present[spec.key].resolve()
    if not present:
        return None
    raise BadInputError(
        next(iter(present.values())),
        "is there already, and its outlines cannot be had from it to write the other formats",
        "choose another --out, or --overwrite to replace it",
    )


def write_results(
    detections: Detections, outputs: Mapping[str, str], folder: Path, read_plane: ReadPlane
) -> None:
    """Write the outputs of an image; the preview is drawn beside the others.

    Args:
        detections: the objects.
        outputs: files by output, relative to the folder.
        folder: an item's own folder in a run.
        read_plane: reads what the preview shows: the plane with the most objects.

    Raises:
        BadInputError: a file cannot be written.
    """
    with ThreadPoolExecutor(1) as beside:
        drawn = None
        if PREVIEW in outputs:
            path = _place(folder, outputs[PREVIEW])
            drawn = beside.submit(_write_preview, detections, path, read_plane)
        write_all(detections, (_place(folder, r) for k, r in outputs.items() if k != PREVIEW))
        if drawn:
            drawn.result()


def _place(folder: Path, relative: str) -> Path:
    """Return the path of an output, as long as the run goes on."""
    if not folder.is_dir():
        raise AbandonedError(folder)  # writing would make it anew
    return folder / relative


def _write_preview(detections: Detections, path: Path, read_plane: ReadPlane) -> None:
    """Write a preview of the plane with the most objects."""
    from bridge.pictures.preview import write_preview

    planes = detections.objects.groupby(["t", "z"]).size()
    t, z = planes.idxmax() if len(planes) else (0, 0)
    write_preview(detections, read_plane(int(z), int(t)), path, z=int(z), t=int(t))
