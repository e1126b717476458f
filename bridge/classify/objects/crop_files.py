"""Crops of objects, an image an object, as orgaSeg's classifier takes them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.batch.job import ImageJob, Json, Made, Progress, Work
from bridge.batch.listener import Listener, Outcome
from bridge.batch.runner import Existing, run_batch
from bridge.batch.workers.base import Workers
from bridge.classify.objects.classed_images import select_examples
from bridge.classify.objects.sources.files import read_objects
from bridge.classify.objects.sources.options import ReadOptions
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.files.hashing import file_hash
from bridge.formats.imagej_rois import encode
from bridge.formats.layout import spec_of
from bridge.formats.pairing import objects_of
from bridge.formats.qupath_export import region_box
from bridge.images import Image, from_array, open_image
from bridge.images.hyperstack import write_hyperstack
from bridge.images.locations import known_identity, path_identity
from bridge.objects3d import ObjectRows

LIST = "list"
"""Key of the table of the crops of an image."""

_HEAD = ("image_name", "label", "image", "object", "id", "left", "top")


@dataclass(frozen=True, kw_only=True)
class CropSettings:
    """Settings by which objects are cut out.

    Attributes:
        axes, pixel_size: of the images, where the files do not say.
        annotations: annotations beside detections are objects, too.
    """

    axes: str | None = None
    pixel_size: float | None = None
    annotations: bool = False


def crop_files(
    images: Sequence[Path],
    sources: Sequence[Path],
    out: Path,
    settings: CropSettings,
    *,
    existing: Existing = "check",
    listener: Listener | None = None,
    workers: Workers | None = None,
) -> list[Outcome]:
    """Cut out the objects of images into one folder; see :func:`bridge.batch.runner.run_batch`.

    Args:
        images: files and OME-Zarr folders.
        sources: files of their objects, or folders with them.
        out: the folder.
        settings: how they are cut out.
        existing: what to do with crops that are there.
        listener: hears of the progress.
        workers: do the work; this process where ``None``.

    Returns:
        An outcome an image, in order.

    Raises:
        StarbridgeError: what concerns all images: the output folder cannot be written.
    """
    job = CropsJob(tuple(sources), settings, alone=len(images) == 1)
    return run_batch(job, images, out, existing=existing, listener=listener, workers=workers)


class CropsJob(ImageJob[Path]):
    """Cutting out the objects of images: ``NAME_LABEL.tiff``, and ``lists/NAME_crops.csv``.

    A crop is the box around an object, with all channels and the pixel size; its outline is the
    selection in ImageJ, with its UUID. The list has for each crop its class, where the object has
    one, its image, the object's number and UUID there, and the place of its first pixel. Of an
    object of a volume the largest slice is cut out.

    Args:
        sources: files of objects, or folders with them.
        settings: how they are cut out.
        alone: there is one image: a single file of objects need not have its name.
    """

    record = "crops.json"
    participle = "cut"
    memory_remedy = "cut out the objects of a smaller region"

    def __init__(
        self, sources: tuple[Path, ...], settings: CropSettings, *, alone: bool = False
    ) -> None:
        self._sources = tuple(source.absolute() for source in sources)
        self._settings = settings
        self._alone = alone

    def key(self, item: Path) -> dict[str, Json]:
        """Return everything that decides the crops.

        Raises:
            BadInputError: the image or its objects are not there.
        """
        settings = self._settings
        return {
            "image": known_identity(item),
            "file of objects": path_identity(objects_of(item, self._sources, alone=self._alone)),
            "axes": settings.axes,
            "pixel size": settings.pixel_size,
            "annotations": settings.annotations,
        }

    def outputs(self, item: Path) -> dict[str, str]:
        """Return the list of the crops; how many there are the objects say."""
        return {LIST: f"lists/{self.name(item)}_crops.csv"}

    def files(self, item: Path) -> list[Path]:
        """Return the image and the files of objects."""
        return [item, *self._sources]

    def run(self, work: Work[Path], folder: Path, progress: Progress) -> Made:
        """Write the crops of an image, and their list.

        Raises:
            BadInputError: the image or its objects cannot be read, or two objects have one number.
        """
        settings = self._settings
        options = ReadOptions(
            images=(work.item,) if self._alone else (),
            axes=settings.axes,
            pixel_size=settings.pixel_size,
        )
        file, detections, _ = read_objects(work.item, self._sources, options)
        objects, _ = select_examples(
            detections, is_typed=spec_of(file).key != "rois", annotations=settings.annotations
        )
        frame = _largest_slices(objects)
        twice = frame["label"][frame["label"].duplicated()]
        if len(twice):
            raise BadInputError(
                file, f"has several objects with the number {twice.iloc[0]}", "number them anew"
            )
        rows, hashes, more, outside = [], {}, {}, 0
        with open_image(work.item, axes=settings.axes, pixel_size=settings.pixel_size) as image:
            planes = _Planes(image)
            for number, label in enumerate(frame["label"].tolist()):
                row = Detections(frame.iloc[[number]], objects.image, objects.outline)
                name = f"{work.name}_{label}.tiff"
                corner = _write_crop(row, planes, image, folder / name, f"{work.name}_{label}")
                progress(number + 1, len(frame))
                if corner is None:
                    outside += 1
                    continue
                class_name = frame["class"].iloc[number]
                rows.append((name, class_name or "", work.name, label, row.ids[0], *corner))
                more[f"crop {label}"] = name
                hashes[name] = file_hash(folder / name) or ""
        _write_list(rows, folder / work.outputs[LIST])
        notes = (f"{outside} objects lie outside of the image and have no crop",) if outside else ()
        return Made(len(rows), more=more, owned=hashes, notes=notes)


def _largest_slices(objects: Detections) -> pd.DataFrame:
    """Return a row an object, of one of a volume its largest slice with the class of the object."""
    frame: pd.DataFrame = objects.objects
    rows = ObjectRows.of(objects)
    if not rows.has_slices:
        return frame
    given, _ = rows.class_rows(frame["class"])
    largest = frame.iloc[rows.largest].assign(**{"class": frame["class"].to_numpy(object)[given]})
    # each plane is read once
    return largest.sort_values(["t", "z"], kind="stable")


class _Planes:
    """Planes (C, Y, X) of an image, of which the last one is kept."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._last: tuple[tuple[int, int], NDArray[Any]] | None = None

    def of(self, z: int, t: int) -> NDArray[Any]:
        if self._last is None or self._last[0] != (z, t):
            channels = range(len(self._image.channels))
            planes = [self._image.plane(channel, z=z, t=t) for channel in channels]
            self._last = (z, t), np.stack(planes)
        return self._last[1]


def _write_crop(
    row: Detections, planes: _Planes, image: Image, path: Path, name: str
) -> tuple[int, int] | None:
    """Write the crop of one object; return its first (left, top) pixel, ``None`` outside."""
    frame = row.objects
    left, top, right, bottom = region_box(frame.geometry.iloc[0])
    left, top = max(left, 0), max(top, 0)
    right, bottom = min(right, image.width), min(bottom, image.height)
    if right <= left or bottom <= top:
        return None
    plane = planes.of(int(frame["z"].iloc[0]), int(frame["t"].iloc[0]))
    crop = from_array(
        plane[:, top:bottom, left:right],
        axes="CYX",
        pixel_size=image.pixel_size,
        channels=image.channels,
        name=name,
    )
    moved = frame.assign(geometry=frame.geometry.translate(-left, -top), z=0, t=0)
    selection = encode(Detections(moved, outline=row.outline), [name])[0]
    write_hyperstack(crop, path, selection=selection)
    return left, top


def _write_list(rows: Sequence[tuple[object, ...]], path: Path) -> None:
    with writing(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_HEAD)
        writer.writerows(rows)
