"""Measure the objects of many images: a table an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from bridge.batch.job import ImageJob, Json, Made, Progress, Work
from bridge.batch.listener import Listener, Outcome
from bridge.batch.runner import Existing, run_batch
from bridge.batch.workers.base import Workers
from bridge.detections import Detections
from bridge.files.atomic import writing
from bridge.formats import existing_file, format_of
from bridge.formats.labels import read_label_image
from bridge.formats.pairing import add_source_to_errors, objects_of
from bridge.formats.spreadsheet_text import guard_frame
from bridge.images import Image, image_name, open_image
from bridge.images.channels import NUMBERING
from bridge.images.locations import known_identity, path_identity
from bridge.measure.columns import Unit
from bridge.measure.table import measure, undrawn

RECORD = "measure.json"

_FIELDS = ("label", "class", "name", "z", "t")
_LISTED = 5


@dataclass(frozen=True)
class Settings:
    """Settings of a batch of measurements.

    Attributes:
        ring, ring_unit, unit, channels: as in :func:`bridge.measure.measure`.
        axes, pixel_size: of the images, where the files do not say them.
        tables: formats of the tables.
    """

    ring: float | None = None
    ring_unit: Unit = "µm"
    unit: Literal["px", "µm", "both"] | None = None
    channels: tuple[int | str, ...] | None = None
    axes: str | None = None
    pixel_size: float | None = None
    tables: tuple[str, ...] = ("csv",)


def measure_files(
    images: Sequence[Path],
    sources: Sequence[Path],
    out: Path,
    settings: Settings,
    *,
    existing: Existing = "check",
    listener: Listener | None = None,
    workers: Workers | None = None,
) -> list[Outcome]:
    """Measure images into ``OUT/NAME_measurements.csv``; see :func:`bridge.batch.runner.run_batch`.

    The tables begin with the image's name, then ``id`` (UUID; not for a label image in a TIFF,
    which has none), label, class, name and plane.

    Args:
        images: files and OME-Zarr folders.
        sources: files of objects, or folders with them, as in :func:`bridge.formats.pairing.pair`.
        out: folder of the tables; created where missing.
        settings: of all images.
        existing: what to do with tables that are there.
        listener: hears of the progress.
        workers: do the work; this process, one image after another, when ``None``.

    Returns:
        An outcome an image, in order; its ``result["undrawn"]`` are UUIDs, or labels, of objects
        that could not be measured, see :func:`bridge.measure.undrawn`.

    Raises:
        StarbridgeError: what concerns all images, such as an output folder that cannot be written.
    """
    job = MeasureJob(tuple(sources), settings, alone=len(images) == 1)
    return run_batch(job, images, out, existing=existing, listener=listener, workers=workers)


@dataclass(frozen=True)
class MeasureJob(ImageJob[Path]):
    """Measurement of the objects of images.

    Attributes:
        sources: files of objects, or folders with them.
        settings: of all images.
        alone: there is one image: a single file of objects need not have its name.
    """

    record = RECORD
    participle = "measured"
    memory_remedy = "measure a smaller region"
    clash_problem = "one table would overwrite the other"
    clash_remedy = "measure them into different --out folders"

    sources: tuple[Path, ...]
    settings: Settings
    alone: bool = False

    def key(self, item: Path) -> dict[str, Json]:
        """Return everything that decides the table.

        Raises:
            BadInputError: the image or its objects are not there.
        """
        settings = self.settings
        objects = objects_of(item, self.sources, alone=self.alone)
        return {
            "image": known_identity(item),
            "file of objects": path_identity(objects),
            "ring": [settings.ring, settings.ring_unit] if settings.ring else None,
            "unit": settings.unit,
            "choice of channels": settings.channels,
            NUMBERING: "from 1",
            "axes": settings.axes,
            "pixel size": settings.pixel_size,
        }

    def outputs(self, item: Path) -> dict[str, str]:
        """Return the tables of an image by format."""
        return {key: f"{image_name(item)}_measurements.{key}" for key in self.settings.tables}

    def run(self, work: Work[Path], folder: Path, progress: Progress) -> Made:
        """Measure the objects of an image and write the table."""
        source = objects_of(work.item, self.sources, alone=self.alone)
        table, missing = _measure_pair(work.item, source, self.settings)
        for key, relative in work.outputs.items():
            with writing(folder / relative) as part:
                if key == "parquet":
                    table.to_parquet(part, index=False)
                else:
                    guard_frame(table).to_csv(
                        part, index=False, lineterminator="\n", float_format="%.10g"
                    )
        notes: tuple[str, ...] = ()
        if missing:
            listed = ", ".join(missing[:_LISTED]) + (", …" if len(missing) > _LISTED else "")
            notes = (
                f"{len(missing)} objects are covered by others or lie outside the image and have "
                f"no measurements: {listed}",
            )
        result: dict[str, Json] = {"undrawn": list(missing)}
        if self.settings.unit != "px" and not any("µm" in name for name in table.columns):
            result["lacks_pixel_size"] = True
        return Made(len(table), result=result, notes=notes)

    def files(self, item: Path) -> list[Path]:
        """Return the image and the files of objects."""
        return [item, *(source.absolute() for source in self.sources)]

    def __getstate__(self) -> dict[str, Any]:
        sources = tuple(source.absolute() for source in self.sources)
        return {"sources": sources, "settings": self.settings, "alone": self.alone}


def note_on_pixel_sizes(outcomes: Sequence[Outcome]) -> str | None:
    """Return one line on all images that were measured without a pixel size, if there are any.

    >>> note_on_pixel_sizes([]) is None
    True
    """
    names = [
        outcome.name
        for outcome in outcomes
        if outcome.status == "done" and outcome.result.get("lacks_pixel_size")
    ]
    if not names:
        return None
    listed = ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
    what = "1 image has" if len(names) == 1 else f"{len(names)} images have"
    return (
        f"{what} no pixel size, so that lengths and areas are in px alone ({listed}); "
        "give it with --pixel-size"
    )


def measurement_table(
    objects: Detections | Any, image: Image, settings: Settings, *, axes: str | None = None
) -> pd.DataFrame:
    """Return the table of one image: columns that identify an object, then measurements.

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
