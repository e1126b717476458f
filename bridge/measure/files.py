"""Measure the objects of many images: a table an image."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from numpy.typing import NDArray

from bridge.batch.job import ImageJob, Json, Made, Progress, Work
from bridge.batch.listener import Listener, Outcome
from bridge.batch.runner import Existing, run_batch
from bridge.batch.workers.base import Workers
from bridge.detections import OBJECT, Detections
from bridge.files.atomic import writing
from bridge.formats import existing_file, format_of
from bridge.formats.labels import read_label_image
from bridge.formats.layout import FORMATS
from bridge.formats.pairing import add_source_to_errors, objects_of
from bridge.formats.spreadsheet_text import guard_frame
from bridge.images import Image, image_name, open_image
from bridge.images.channels import NUMBERING
from bridge.images.info import PixelSize
from bridge.images.locations import known_identity, path_identity
from bridge.measure.columns import Unit
from bridge.measure.joining import add_measurements
from bridge.measure.table import measure, undrawn
from bridge.segment.planes import set_slice_distance

RECORD = "measure.json"

_FIELDS = ("label", "class", "name", "z", "t")
_LISTED = 5
_SAME = 0.01  # of two pixel sizes, of which one was rounded by a file format


@dataclass(frozen=True)
class Settings:
    """Settings of a batch of measurements.

    Attributes:
        ring, ring_unit, unit, channels: as in :func:`bridge.measure.measure`.
        axes, pixel_size, z_step: of the images, where the files do not say them.
        tables: formats of the tables.
        objects: formats of objects that are written with their measurements, too.
    """

    ring: float | None = None
    ring_unit: Unit = "µm"
    unit: Literal["px", "µm", "both"] | None = None
    channels: tuple[int | str, ...] | None = None
    axes: str | None = None
    pixel_size: float | None = None
    tables: tuple[str, ...] = ("csv",)
    z_step: float | None = None
    objects: tuple[str, ...] = ()


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
        found: dict[str, Json] = {
            "image": known_identity(item),
            "file of objects": path_identity(objects),
            "ring": [settings.ring, settings.ring_unit] if settings.ring else None,
            "unit": settings.unit,
            "choice of channels": settings.channels,
            NUMBERING: "from 1",
            "axes": settings.axes,
            "pixel size": settings.pixel_size,
        }
        if settings.z_step is not None:
            found["z step"] = settings.z_step
        return found

    def outputs(self, item: Path) -> dict[str, str]:
        """Return the tables and the measured objects of an image by format."""
        name = image_name(item)
        tables = {key: f"{name}_measurements.{key}" for key in self.settings.tables}
        return tables | {key: FORMATS[key].place.format(name=name) for key in self.settings.objects}

    def measure(self, path: Path, source: Path, progress: Progress) -> Measured:
        """Measure the objects of an image.

        Args:
            path: the image.
            source: the file of its objects.
            progress: called with steps done and all of them.
        """
        del progress  # planes are fast
        settings = self.settings
        with open_pair(path, source, settings, is_traced=bool(settings.objects)) as pair:
            return measure_slices(pair, settings)

    def run(self, work: Work[Path], folder: Path, progress: Progress) -> Made:
        """Measure the objects of an image, and write table and objects."""
        source = objects_of(work.item, self.sources, alone=self.alone)
        measured = self.measure(work.item, source, progress)
        for key, relative in work.outputs.items():
            if measured.detections is not None and key in self.settings.objects:
                FORMATS[key].load().write(measured.detections, folder / relative)
                continue
            with writing(folder / relative) as part:
                if key == "parquet":
                    measured.table.to_parquet(part, index=False)
                else:
                    guard_frame(measured.table).to_csv(
                        part, index=False, lineterminator="\n", float_format="%.10g"
                    )
        notes, missing = measured.notes, measured.undrawn
        if missing:
            listed = ", ".join(missing[:_LISTED]) + (", …" if len(missing) > _LISTED else "")
            notes += (
                f"{len(missing)} objects are covered by others or lie outside the image and have "
                f"no measurements: {listed}",
            )
        result: dict[str, Json] = {"undrawn": list(missing), **measured.result}
        if self.settings.unit != "px" and not any("µm" in name for name in measured.table.columns):
            result["lacks_pixel_size"] = True
        return Made(len(measured.table), result=result, notes=notes)

    def files(self, item: Path) -> list[Path]:
        """Return the image and the files of objects."""
        return [item, *(source.absolute() for source in self.sources)]

    def __getstate__(self) -> dict[str, Any]:
        sources = tuple(source.absolute() for source in self.sources)
        return {**self.__dict__, "sources": sources}


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


@dataclass(frozen=True)
class Pair:
    """An open image, and its objects.

    Attributes:
        image: the image.
        objects: detections, or a label image.
        axes: of a label image that is not traced.
        is_label_image: the objects are those of a label TIFF.
    """

    image: Image
    objects: Detections | NDArray[Any]
    axes: str | None = None
    is_label_image: bool = False


@dataclass(frozen=True)
class Measured:
    """Measurements of the objects of an image.

    Attributes:
        table: columns that identify an object, then measurements.
        detections: the objects with their measurements, where they are to be written.
        undrawn: UUIDs of objects that could not be measured.
        notes: lines for the user.
        result: more for the record.
    """

    table: pd.DataFrame
    detections: Detections | None = None
    undrawn: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    result: Mapping[str, Json] = field(default_factory=dict)


@contextmanager
def open_pair(
    path: Path, source: Path, settings: Settings, *, is_traced: bool = False
) -> Iterator[Pair]:
    """Open an image and read its objects.

    Args:
        path: the image.
        source: the file of its objects.
        settings: axes, pixel size and slice distance of the image.
        is_traced: trace a label TIFF, too; its objects get new UUIDs.

    Raises:
        BadInputError: a file that cannot be read; it names both.
    """
    with (
        open_image(path, axes=settings.axes, pixel_size=settings.pixel_size) as image,
        add_source_to_errors(path, source),
    ):
        if not source.name.lower().endswith((".tif", ".tiff")):
            _set_slice_distance(image, settings.z_step)
            yield Pair(image, format_of(source).read(source, image=image.info))
            return
        # Tracing would cost time and give the objects UUIDs that no other file knows.
        labels, axes, info = read_label_image(existing_file(source))
        if image.size("Z") > 1:
            _take_slice_distance(image, info.pixel_size)
        _set_slice_distance(image, settings.z_step)
        if is_traced:
            traced = Detections.from_labels(labels, axes=axes, image=image.info, name=str(source))
            yield Pair(image, traced, is_label_image=True)
        else:
            yield Pair(image, labels, axes, is_label_image=True)


def _set_slice_distance(image: Image, z_step: float | None) -> None:
    # a plane has none: folders may hold both
    if image.size("Z") > 1:
        set_slice_distance(image, z_step)


def _take_slice_distance(image: Image, labels: PixelSize | None) -> None:
    """Take over what the label image says of the slices, where the image says nothing else."""
    if labels is None or labels.z is None:
        return
    own = image.pixel_size
    if own is not None and own.z is None and math.isclose(own.yx, labels.yx, rel_tol=_SAME):
        image.pixel_size = replace(own, z=labels.z)


def measure_slices(pair: Pair, settings: Settings) -> Measured:
    """Measure the objects of each plane.

    Args:
        pair: image and objects.
        settings: how to measure.
    """
    objects = pair.objects
    measured = measure(
        objects,
        pair.image,
        axes=pair.axes,
        ring=settings.ring,
        ring_unit=settings.ring_unit,
        unit=settings.unit,
        channels=settings.channels,
    )
    if not isinstance(objects, Detections):
        return Measured(_with_image(measured.reset_index(), pair.image))
    identifying = [*([OBJECT] if OBJECT in objects.objects.columns else []), *_FIELDS]
    fields = pd.DataFrame(objects.objects[identifying])
    table = _with_image(pd.concat([fields, measured], axis=1).reset_index(), pair.image)
    return Measured(
        table,
        add_measurements(objects, measured) if settings.objects else None,
        tuple(table["id"].iloc[i] for i in undrawn(table)),
    )


def _with_image(table: pd.DataFrame, image: Image) -> pd.DataFrame:
    table.insert(0, "image", image.name)
    return table
