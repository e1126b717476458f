"""Images and the files of their objects -> a table of measurements an image."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from bridge.batch.listener import Listener, Outcome
from bridge.detections import Detections
from bridge.errors import BadInputError, StarbridgeError, internal_error
from bridge.files.atomic import writing
from bridge.formats import existing_file, format_of
from bridge.formats.labels import read_label_image
from bridge.formats.pairing import add_source_to_errors, check_alone, objects_of
from bridge.images import Image, image_name, open_image
from bridge.measure.columns import Unit
from bridge.measure.table import measure, undrawn

log = logging.getLogger(__name__)

TableFormat = Literal["csv", "parquet"]

_FIELDS = ("label", "class", "name", "z", "t")


@dataclass(frozen=True)
class Settings:
    """How every image of a batch is measured.

    Attributes:
        ring, ring_unit, unit, channels: as in :func:`bridge.measure.measure`.
        axes, pixel_size: of the images, where the files do not say them.
        table: format of the tables.
        overwrite: measure anew where the table is there already.
    """

    ring: float | None = None
    ring_unit: Unit = "µm"
    unit: Literal["px", "µm", "both"] | None = None
    channels: tuple[int | str, ...] | None = None
    axes: str | None = None
    pixel_size: float | None = None
    table: TableFormat = "csv"
    overwrite: bool = False


@dataclass(frozen=True)
class Measured(Outcome):
    """What became of one image.

    Attributes:
        undrawn: UUIDs, or labels, of objects that could not be measured, see
            :func:`bridge.measure.undrawn`.
    """

    undrawn: tuple[str, ...] = ()


def measure_files(
    images: Sequence[Path],
    sources: Sequence[Path],
    out: Path,
    settings: Settings,
    listener: Listener | None = None,
) -> list[Measured]:
    """Measure image after image into ``OUT/NAME_measurements.csv`` or ``.parquet``.

    The tables begin with the image's name, then ``id`` (UUID; not for a label image in a TIFF,
    which has none), label, class, name and plane. An image that cannot be measured, or whose
    objects are not found, is named, and the rest goes on. Tables that are there are left as they
    are.

    Args:
        images: files and OME-Zarr folders.
        sources: files of objects, or folders with them, as in :func:`bridge.formats.pairing.pair`.
        out: folder of the tables; created where missing.
        settings: of all images.
        listener: is told of the progress.

    Returns:
        An outcome an image, in order.
    """
    listener = listener or Listener()
    outcomes = []
    for number, path in enumerate(images, start=1):
        listener.image_started(number, len(images), path)
        outcome = _attempt(path, images, sources, out, settings)
        listener.image_finished(outcome)
        outcomes.append(outcome)
    return outcomes


def measurement_table(
    objects: Detections | Any, image: Image, settings: Settings, *, axes: str | None = None
) -> pd.DataFrame:
    """The table of one image as it is written: what identifies an object, then measurements.

    Args:
        objects: detections, or a label image.
        image: the image.
        settings: how to measure.
        axes: axes of a label image.
    """
    measured = measure(
        objects,
        image,
        axes=axes,
        ring=settings.ring,
        ring_unit=settings.ring_unit,
        unit=settings.unit,
        channels=settings.channels,
    )
    if isinstance(objects, Detections):
        fields = pd.DataFrame(objects.objects[list(_FIELDS)])
        whole = pd.concat([fields, measured], axis=1).reset_index()
    else:
        whole = measured.reset_index()
    whole.insert(0, "image", image.name)
    return whole


def _attempt(
    path: Path, images: Sequence[Path], sources: Sequence[Path], out: Path, settings: Settings
) -> Measured:
    """One image, whatever becomes of it."""
    began = time.monotonic()
    name = image_name(path)
    target = out / f"{name}_measurements.{settings.table}"
    outputs: dict[str, str] = {settings.table: target.name}
    try:
        check_alone(
            path,
            images,
            "one table would overwrite the other",
            "measure them into different --out folders",
        )
        if target.exists() and not settings.overwrite:
            return Measured(name, str(path), "skipped", outputs=outputs)
        table, missing = _measure_pair(
            path, objects_of(path, sources, alone=len(images) == 1), settings
        )
        with writing(target) as part:
            if settings.table == "parquet":
                table.to_parquet(part, index=False)
            else:
                table.to_csv(part, index=False, lineterminator="\n", float_format="%.10g")
    except StarbridgeError as error:
        return _failure(path, name, str(error), began)
    except MemoryError:
        full = BadInputError(path, "does not fit into memory", "measure a smaller region")
        return _failure(path, name, str(full), began)
    except Exception as error:  # one internal error must not stop the batch
        log.debug("%s", path, exc_info=True)
        told = internal_error(path, "measured", error)
        return _failure(path, name, str(told), began)
    seconds = round(time.monotonic() - began, 3)
    return Measured(name, str(path), "done", len(table), seconds, outputs, undrawn=missing)


def _failure(path: Path, name: str, error: str, began: float) -> Measured:
    seconds = round(time.monotonic() - began, 3)
    return Measured(name, str(path), "failed", seconds=seconds, error=error)


def _measure_pair(
    path: Path, source: Path, settings: Settings
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    with (
        open_image(path, axes=settings.axes, pixel_size=settings.pixel_size) as image,
        add_source_to_errors(path, source),
    ):
        if source.name.lower().endswith((".tif", ".tiff")):
            # Tracing would cost time and give the objects UUIDs that no other file knows.
            pixels, axes, _ = read_label_image(existing_file(source))
            return measurement_table(pixels, image, settings, axes=axes), ()
        detections = format_of(source).read(source, image=image.info)
        table = measurement_table(detections, image, settings)
    return table, tuple(table["id"].iloc[i] for i in undrawn(table))
