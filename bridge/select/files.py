"""Measure images for a selection, and crop those that were chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from bridge.batch.job import ImageJob, Json, Made, Progress, Work
from bridge.batch.listener import Listener, Outcome
from bridge.batch.runner import Existing, run_batch
from bridge.batch.workers.base import Workers
from bridge.errors import MissingPartError
from bridge.files.atomic import writing
from bridge.formats.pairing import add_source_to_errors, objects_of
from bridge.formats.spreadsheet_text import guard_frame
from bridge.images import Image, image_name, open_image
from bridge.images.channels import NUMBERING
from bridge.images.locations import path_identity
from bridge.objects3d import ObjectRows
from bridge.select.crop_files import FORMATS, Layout, crop_paths, write_crop
from bridge.select.cropping import crop, place_points
from bridge.select.intensities import channel_intensities
from bridge.select.measured_tables import find_table, table_intensities
from bridge.select.nuclei import Nuclei, read_nuclei
from bridge.select.resegmenting import resegment, scale_of_run
from bridge.select.windows import Length, Place, Window, place_window

if TYPE_CHECKING:
    from bridge.segment.segmenter import Segmenter

ASKED = "asked_channel"
"""Column of the channel as it was asked for; images may call it differently."""

COLUMNS = (
    "name", ASKED, "channel", "nuclei", "mean", "median", "pixel_mean", "image", "objects",
)  # fmt: skip
"""Columns of the table of intensities: as :class:`Intensities` says, and the files.

``objects`` is the file of objects, or the table of measurements that was read in its place.
"""

CROPS = "crops"
"""Folder of the crops in the output folder."""

_WINDOW = ("left", "top", "width", "height")


@dataclass(frozen=True)
class Settings:
    """Settings with which the images of a batch are read.

    Attributes:
        channel: name, or number from 0; several as a tuple.
        sources: files of objects, or folders with them, as in :func:`bridge.formats.pairing.pair`.
        tables: folder with tables of ``starbridge measure``; an image that has one there is not
            read.
        axes: of the images, where the files do not say them.
        pixel_size: likewise, µm; kept in the crops.
    """

    channel: int | str | tuple[int | str, ...]
    sources: tuple[Path, ...]
    tables: Path | None = None
    axes: str | None = None
    pixel_size: float | None = None

    @property
    def channels(self) -> tuple[int | str, ...]:
        """The channels."""
        return self.channel if isinstance(self.channel, tuple) else (self.channel,)

    def open(self, path: Path) -> Image:
        """Open an image."""
        return open_image(path, axes=self.axes, pixel_size=self.pixel_size)

    def absolute(self) -> Settings:
        """Return the settings for a process in another working folder."""
        sources = tuple(source.absolute() for source in self.sources)
        return replace(self, sources=sources, tables=self.tables and self.tables.absolute())


class Resegmenting(Protocol):
    """Chooses the segmenter for a crop. It can be pickled for other processes."""

    def __call__(self, objects: Path) -> Segmenter:
        """Return the segmenter that made a file of objects."""


@dataclass(frozen=True)
class CropSettings:
    """Settings of the crops.

    Attributes:
        size: (height, width) in pixels, or as fractions of the image.
        place: where, see :func:`bridge.select.place_window`.
        formats: of :data:`bridge.select.crop_files.FORMATS`.
        segmenter: gives a model for an image's file of objects, to segment the crops with; ``None``
            to take the objects that are there.
        model: hash of that model.
        keep_labels: the nuclei keep the labels that they have in the whole image.
        layout: how the crops are called.
    """

    size: tuple[Length, Length]
    place: Place = "centre"
    formats: tuple[str, ...] = FORMATS
    segmenter: Resegmenting | None = None
    model: str | None = None
    keep_labels: bool = False
    layout: Layout = "starbridge"


def measure_images(
    images: Sequence[Path],
    out: Path,
    settings: Settings,
    *,
    existing: Existing = "check",
    listener: Listener | None = None,
    workers: Workers | None = None,
) -> tuple[pd.DataFrame, list[Outcome]]:
    """Measure channels over the nuclei of images; see :func:`bridge.batch.runner.run_batch`.

    What was measured before from the same files is taken from ``OUT/select.json``.

    Args:
        images: files and OME-Zarr folders.
        out: the output folder; created where missing.
        settings: of all images.
        existing: what to do with what was measured before.
        listener: hears of the progress.
        workers: do the work; this process, one image after another, when ``None``.

    Returns:
        A row an image that was measured and channel, channel by channel, columns as
        :data:`COLUMNS`; and an outcome an image.

    Raises:
        BadInputError: the output folder cannot be written.
    """
    job, asked = IntensityJob(settings), [str(channel) for channel in settings.channels]
    outcomes = run_batch(job, images, out, existing=existing, listener=listener, workers=workers)
    rows = [
        {
            "name": outcome.name,
            **found,
            "image": outcome.source,
            "objects": outcome.result["objects"],
        }
        for outcome in outcomes
        if outcome.status != "failed"
        # records of before several channels could be asked for have one without a list
        for found in outcome.result.get("channels", [{ASKED: asked[0], **outcome.result}])
    ]
    # images may be kept that were measured in other channels
    rows.sort(key=lambda row: asked.index(row[ASKED]) if row[ASKED] in asked else len(asked))
    frame = pd.DataFrame(rows, columns=[*COLUMNS])
    # JSON has no NaN
    means = ["mean", "median", "pixel_mean"]
    return frame.astype(dict.fromkeys(means, np.float64)), outcomes


def crop_images(
    chosen: pd.DataFrame,
    out: Path,
    settings: Settings,
    crops: CropSettings,
    *,
    existing: Existing = "check",
    listener: Listener | None = None,
    workers: Workers | None = None,
) -> list[Outcome]:
    """Write the crops of chosen images into ``OUT/crops``; see :func:`run_batch`.

    Crops that are there are kept, as somebody may have corrected their labels; those that were
    made otherwise are not touched.

    Args:
        chosen: rows of the table of :func:`measure_images`; an image that was chosen several
            times is cropped once.
        out: the output folder.
        settings: as for measuring.
        crops: size, place, formats.
        existing: what to do with crops that are there.
        listener: hears of the progress.
        workers: do the work; this process, one image after another, when ``None``.

    Returns:
        An outcome an image, in order; also in ``OUT/crops/crops.csv``. Its ``result`` holds the
        window (``left``, ``top``, ``width``, ``height`` in pixels) and whether the image is smaller
        than what was asked for (``whole``).

    Raises:
        BadInputError: the output folder cannot be written.
        MissingPartError: what the model needs is not installed.
    """
    images = [Path(image) for image in chosen["image"]]
    job, folder = CropJob(settings, crops), out / CROPS
    outcomes = run_batch(job, images, folder, existing=existing, listener=listener, workers=workers)
    rows = [
        {
            "name": outcome.name,
            **{side: outcome.result.get(side) for side in _WINDOW},
            "nuclei": outcome.objects,
        }
        for outcome in outcomes
        if outcome.status != "failed"
    ]
    frame = pd.DataFrame(rows, columns=["name", *_WINDOW, "nuclei"])
    write_table(frame, folder / "crops.csv")
    return outcomes


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, complete or not at all.

    Raises:
        BadInputError: the file cannot be written.
    """
    with writing(path) as part:
        guard_frame(frame).to_csv(
            part,
            index=False,
            lineterminator="\n",
            float_format="%.10g",
            errors="surrogateescape",  # a folder's name may hold bytes that are no text
        )


@dataclass(frozen=True)
class IntensityJob(ImageJob[Path]):
    """Measurement of channels over the nuclei of images; its results are in the record alone."""

    record = "select.json"
    participle = "measured"
    memory_remedy = "use a smaller image"
    clash_problem = "their objects cannot be told apart"
    clash_remedy = "select from one folder at a time"

    settings: Settings

    def key(self, item: Path) -> dict[str, Json]:
        """Return everything that decides the intensities.

        Raises:
            BadInputError: the image or its objects are not there.
        """
        source = self._source(item)
        return {
            "image": path_identity(item),
            "file of objects": path_identity(source),
            "channels": [str(channel) for channel in self.settings.channels],
            NUMBERING: "from 1",
            "axes": self.settings.axes,
        }

    def outputs(self, item: Path) -> dict[str, str]:
        """Return nothing: the record holds the result."""
        del item
        return {}

    def run(self, work: Work[Path], folder: Path, progress: Progress) -> Made:
        """Measure one image, or read its table of measurements."""
        settings, source = self.settings, self._source(work.item)
        with settings.open(work.item) as image, add_source_to_errors(work.item, source):
            if self._table(work.item) is not None:
                found = [table_intensities(source, image, c) for c in settings.channels]
            else:
                found = channel_intensities(read_nuclei(source, image), image, settings.channels)
        channels = [
            # JSON has no NaN
            {ASKED: str(asked), **{k: None if v != v else v for k, v in asdict(one).items()}}
            for asked, one in zip(settings.channels, found, strict=True)
        ]
        nuclei = max(one.nuclei for one in found)
        return Made(nuclei, {"channels": channels, "objects": str(source)})

    def files(self, item: Path) -> list[Path]:
        """Return the image and the files of objects."""
        return [item, *self.settings.absolute().sources]

    def __getstate__(self) -> dict[str, Any]:
        return {"settings": self.settings.absolute()}

    def _table(self, item: Path) -> Path | None:
        tables = self.settings.tables
        return find_table(tables, image_name(item)) if tables else None

    def _source(self, item: Path) -> Path:
        return self._table(item) or objects_of(item, self.settings.sources)


@dataclass(frozen=True)
class CropJob(ImageJob[Path]):
    """Crops of images with their labels."""

    record = "crops.json"
    participle = "cropped"
    fatal = (MissingPartError,)
    memory_remedy = "use a smaller image"

    settings: Settings
    crops: CropSettings

    def key(self, item: Path) -> dict[str, Json]:
        """Return everything that decides the crop.

        Raises:
            BadInputError: the image or its objects are not there.
        """
        source = objects_of(item, self.settings.sources)
        return {
            "image": path_identity(item),
            "file of objects": path_identity(source),
            "size": [n if isinstance(n, int) else str(n) for n in self.crops.size],
            "place": self.crops.place,
            "model": self.crops.model,
            **({"labels": "kept"} if self.crops.keep_labels else {}),
            "axes": self.settings.axes,
            "pixel size": self.settings.pixel_size,
        }

    def outputs(self, item: Path) -> dict[str, str]:
        """Return the files of a crop."""
        return crop_paths(image_name(item), self.crops.formats, self.crops.layout)

    def run(self, work: Work[Path], folder: Path, progress: Progress) -> Made:
        """Cut out an image and its nuclei."""
        settings, crops = self.settings, self.crops
        source = objects_of(work.item, settings.sources)
        with settings.open(work.item) as image, add_source_to_errors(work.item, source):
            nuclei = read_nuclei(source, image)
            name = image.name if crops.layout == "haug2" else None
            if crops.segmenter is None:
                made = crop(
                    image,
                    nuclei,
                    crops.size,
                    crops.place,
                    keep_labels=crops.keep_labels,
                    name=name,
                )
            else:
                window = _window(image, nuclei, crops)
                segmenter = crops.segmenter(source)
                scale = scale_of_run(source, segmenter.model)
                again = resegment(image, window, segmenter, scale=scale)
                made = crop(image, again, window=window, name=name)
                # These are the labels of a segmentation that is not kept.
                made = replace(made, objects=made.objects.drop(columns="original_label"))
            shape = (image.height, image.width)
        write_crop(made, folder, work.outputs)
        is_whole = any(
            isinstance(asked, int) and asked > had
            for asked, had in zip(crops.size, shape, strict=True)
        )
        window_sides = {side: getattr(made.window, side) for side in _WINDOW}
        return Made(len(ObjectRows.of(made.nuclei)), {**window_sides, "whole": is_whole})

    def files(self, item: Path) -> list[Path]:
        """Return the image and the files of objects."""
        return [item, *self.settings.absolute().sources]

    def __getstate__(self) -> dict[str, Any]:
        return {"settings": self.settings.absolute(), "crops": self.crops}


def _window(image: Image, nuclei: Nuclei, crops: CropSettings) -> Window:
    points = place_points(nuclei, image) if crops.place == "densest" else None
    return place_window((image.height, image.width), crops.size, crops.place, points)
