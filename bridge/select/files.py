"""Images and the files of their nuclei -> a table of intensities, and crops."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import pandas as pd

from bridge.batch.listener import Listener, Outcome
from bridge.errors import BadInputError, MissingPartError, StarbridgeError, internal_error
from bridge.files.atomic import writing
from bridge.formats.pairing import add_source_to_errors, check_alone, objects_of
from bridge.images import Image, image_name, open_image
from bridge.select.crop_files import FORMATS, crop_paths, write_crop
from bridge.select.cropping import crop
from bridge.select.intensities import Intensities, image_intensities
from bridge.select.measured_tables import find_table, table_intensities
from bridge.select.nuclei import Nuclei, label_stack, read_nuclei
from bridge.select.record import Record, identity
from bridge.select.resegmenting import resegment
from bridge.select.windows import Place, Window, nucleus_points, place_window

if TYPE_CHECKING:
    from bridge.segment.segmenter import Segmenter

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")

COLUMNS = ("name", "channel", "nuclei", "mean", "median", "pixel_mean", "image", "objects")
"""Columns of the table of intensities: as :class:`Intensities` says, and the files.

``objects`` is the file of objects, or the table of measurements that stood for it.
"""


@dataclass(frozen=True)
class Settings:
    """How every image of a batch is read.

    Attributes:
        channel: name, or number from 0.
        sources: files of objects, or folders with them, as in :func:`bridge.formats.pairing.pair`.
        tables: folder with tables of ``starbridge measure``; an image that has one there is not
            read.
        axes: of the images, where the files do not say them.
        pixel_size: likewise, µm; kept in the crops.
        overwrite: measure and crop anew what is there already.
    """

    channel: int | str
    sources: tuple[Path, ...]
    tables: Path | None = None
    axes: str | None = None
    pixel_size: float | None = None
    overwrite: bool = False

    def open(self, path: Path) -> Image:
        """Open an image."""
        return open_image(path, axes=self.axes, pixel_size=self.pixel_size)


@dataclass(frozen=True)
class CropSettings:
    """How images are cropped.

    Attributes:
        size: (height, width) in pixels.
        place: where, see :func:`bridge.select.place_window`.
        formats: of :data:`bridge.select.crop_files.FORMATS`.
        segmenter: gives a model for an image's file of objects, to segment the crops with; ``None``
            to take the objects that are there.
        model: hash of that model.
    """

    size: tuple[int, int]
    place: Place = "centre"
    formats: tuple[str, ...] = FORMATS
    segmenter: Callable[[Path], Segmenter] | None = None
    model: str | None = None


@dataclass(frozen=True)
class Cropped(Outcome):
    """What became of one crop.

    Attributes:
        left, top, width, height: where it lies in the image, pixels.
        whole: whether the image is smaller than what was asked for.
    """

    left: int = 0
    top: int = 0
    width: int = 0
    height: int = 0
    whole: bool = False


def measure_images(
    images: Sequence[Path],
    out: Path,
    settings: Settings,
    listener: Listener | None = None,
) -> tuple[pd.DataFrame, list[Outcome]]:
    """Measure a channel over the nuclei of image after image.

    What was measured before from the same files is taken from ``OUT/select.json``. An image that
    cannot be measured, or whose nuclei are not found, is named, and the rest goes on.

    Args:
        images: files and OME-Zarr folders.
        out: the output folder; created where missing.
        settings: of all images.
        listener: is told of the progress.

    Returns:
        A row an image that was measured, columns as :data:`COLUMNS`; and an outcome an image.

    Raises:
        BadInputError: the output folder cannot be written.
    """
    listener = listener or Listener()
    record = Record(out)
    record.save()  # so that a folder that cannot be written is said before anything is measured
    rows: list[dict[str, Any]] = []
    outcomes: list[Outcome] = []
    for number, path in enumerate(images, start=1):
        listener.image_started(number, len(images), path)
        began, name = time.monotonic(), image_name(path)
        work = partial(_measured, path, images, settings, record)
        result, error = _attempt(path, "measured", work)
        if result is None:
            outcome = Outcome(name, str(path), "failed", seconds=_since(began), error=error)
        else:
            found, key, is_new = result
            row = {"name": name, **asdict(found)}
            rows.append({**row, "image": str(path), "objects": key["objects"][0]})
            status: Literal["done", "skipped"] = "done" if is_new else "skipped"
            outcome = Outcome(name, str(path), status, found.nuclei, _since(began))
        listener.image_finished(outcome)
        outcomes.append(outcome)
    return pd.DataFrame(rows, columns=[*COLUMNS]), outcomes


def crop_images(
    chosen: pd.DataFrame,
    out: Path,
    settings: Settings,
    crops: CropSettings,
    listener: Listener | None = None,
) -> list[Cropped]:
    """Write the crops of chosen images into ``OUT/crops``.

    Crops that are there are kept, as somebody may have corrected their labels; those that were
    made otherwise are not touched.

    Args:
        chosen: rows of the table of :func:`measure_images`.
        out: the output folder.
        settings: as for measuring.
        crops: size, place, formats.
        listener: is told of the progress.

    Returns:
        An outcome an image, in order; also in ``OUT/crops/crops.csv``.

    Raises:
        BadInputError: the output folder cannot be written.
    """
    listener = listener or Listener()
    record = Record(out)
    paths = list(dict.fromkeys(map(Path, chosen["image"])))
    outcomes: list[Cropped] = []
    for number, path in enumerate(paths, start=1):
        listener.image_started(number, len(paths), path)
        began, name = time.monotonic(), image_name(path)
        work = partial(_cropped, path, out, settings, crops, record)
        result, error = _attempt(path, "cropped", work)
        if result is None:
            outcome = Cropped(name, str(path), "failed", seconds=_since(began), error=error)
        else:
            outcome = replace(result, seconds=_since(began))
        listener.image_finished(outcome)
        outcomes.append(outcome)
    made = [o for o in outcomes if o.status != "failed"]
    columns = ("name", "left", "top", "width", "height", "objects")
    rows = [[getattr(o, column) for column in columns] for o in made]
    titles = ["nuclei" if column == "objects" else column for column in columns]
    write_table(pd.DataFrame(rows, columns=titles), out / "crops" / "crops.csv")
    return outcomes


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, complete or not at all.

    Raises:
        BadInputError: the file cannot be written.
    """
    with writing(path) as part:
        frame.to_csv(
            part,
            index=False,
            lineterminator="\n",
            float_format="%.10g",
            errors="surrogateescape",  # a file name may hold bytes that are no text
        )


def _measured(
    path: Path, images: Sequence[Path], settings: Settings, record: Record
) -> tuple[Intensities, dict[str, Any], bool]:
    """Intensities of one image, all that they depend on, and whether they are new."""
    name = image_name(path)
    check_alone(
        path,
        images,
        "their objects cannot be told apart",
        "select from one folder at a time",
    )
    table = find_table(settings.tables, name) if settings.tables else None
    source = table or objects_of(path, settings.sources)
    key = {
        "channel": str(settings.channel),
        "axes": settings.axes,
        "image": identity(path),
        "objects": identity(source),
    }
    known = None if settings.overwrite else record.known("images", name, key)
    if known is not None and {*known} == {field.name for field in fields(Intensities)}:
        values: dict[str, Any] = {k: np.nan if v is None else v for k, v in known.items()}
        return Intensities(**values), key, False
    with settings.open(path) as image, add_source_to_errors(path, source):
        if table is not None:
            found = table_intensities(table, image, settings.channel)
        else:
            found = image_intensities(read_nuclei(source, image), image, settings.channel)
    # JSON has no NaN
    plain = {k: None if v != v else v for k, v in asdict(found).items()}
    record.keep("images", name, key, plain)
    return found, key, True


def _cropped(
    path: Path, out: Path, settings: Settings, crops: CropSettings, record: Record
) -> Cropped:
    """One image's crop, where it is not there already."""
    name = image_name(path)
    source = objects_of(path, settings.sources)
    key = {
        "size": [*crops.size],
        "place": crops.place,
        "model": crops.model,
        "axes": settings.axes,
        "pixel_size": settings.pixel_size,
        "image": identity(path),
        "objects": identity(source),
    }
    folder = out / "crops"
    paths = crop_paths(name, crops.formats)
    there = [kind for kind, relative in paths.items() if (folder / relative).exists()]
    known = None if settings.overwrite else record.known("crops", name, key)
    if there and known is None and not settings.overwrite:
        raise BadInputError(
            folder / paths[there[0]],
            "is there already, made from other files or with other settings",
            "choose another --out, or --overwrite to replace it",
        )
    missing = {kind: relative for kind, relative in paths.items() if kind not in there}
    if known is not None and not missing:
        return Cropped(name, str(path), "skipped", outputs=paths, **known)
    with settings.open(path) as image, add_source_to_errors(path, source):
        nuclei = read_nuclei(source, image)
        if crops.segmenter is None:
            made = crop(image, nuclei, crops.size, crops.place)
        else:
            window = _window(image, nuclei, crops)
            again = resegment(image, window, crops.segmenter(source))
            made = crop(image, again, window=window)
            # These are the labels of a segmentation that is not kept.
            made = replace(made, objects=made.objects.drop(columns="original_label"))
        shape = (image.height, image.width)
    window = made.window
    result: dict[str, Any] = {
        "objects": len(made.nuclei),
        "left": window.left,
        "top": window.top,
        "width": window.width,
        "height": window.height,
        "whole": any(asked > had for asked, had in zip(crops.size, shape, strict=True)),
    }
    if settings.overwrite:
        missing = paths
        for relative in paths.values():
            (folder / relative).unlink(missing_ok=True)
    # Noted before it is written, so that a run that is stopped in between knows its own files.
    record.keep("crops", name, key, result)
    write_crop(made, folder, missing)
    return Cropped(name, str(path), "done", outputs=paths, **result)


def _window(image: Image, nuclei: Nuclei, crops: CropSettings) -> Window:
    points = nucleus_points(label_stack(nuclei, image)) if crops.place == "densest" else None
    return place_window((image.height, image.width), crops.size, crops.place, points)


def _attempt(path: Path, what: str, work: Callable[[], _Result]) -> tuple[_Result | None, str]:
    """Whatever becomes of one image: a result, or the line that says why there is none."""
    try:
        return work(), ""
    except MissingPartError:
        raise  # it would be missing for every other image, too
    except StarbridgeError as error:
        return None, str(error)
    except MemoryError:
        return None, str(BadInputError(path, "does not fit into memory", "use a smaller image"))
    except Exception as error:  # one internal error must not stop the batch
        log.debug("%s", path, exc_info=True)
        told = internal_error(path, what, error)
        return None, str(told)


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)
