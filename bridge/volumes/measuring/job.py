"""Measure the objects of many images, those of volumes as a row an object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from bridge.batch.job import Json, Progress
from bridge.batch.listener import Listener, Outcome
from bridge.batch.runner import Existing, run_batch
from bridge.batch.workers.base import Workers
from bridge.detections import OBJECT, Detections
from bridge.errors import BadInputError
from bridge.measure.files import (
    Measured,
    MeasureJob,
    Pair,
    Settings,
    measure_slices,
    open_pair,
)
from bridge.objects3d import has_objects, name_objects
from bridge.volumes.measuring.columns import VOLUME
from bridge.volumes.measuring.spreading import spread_measurements
from bridge.volumes.measuring.table import measure_volumes

_BY_ITSELF = "volumes by themselves"
"""Key of the result of an image that was measured as a volume without being asked to."""

_LISTED = 5


def measure_files(
    images: Sequence[Path],
    sources: Sequence[Path],
    out: Path,
    settings: Settings,
    *,
    volumes: bool | None = None,
    existing: Existing = "check",
    listener: Listener | None = None,
    workers: Workers | None = None,
) -> list[Outcome]:
    """Measure images as :func:`bridge.measure.files.measure_files` does, or volumes.

    Args:
        images: files and OME-Zarr folders.
        sources: files of objects, or folders with them, as in :func:`bridge.formats.pairing.pair`.
        out: folder of the tables; created where missing.
        settings: of all images.
        volumes: measure objects of volumes, each slice for itself (``False``), or volumes where
            the objects say that they are slices of some (``None``).
        existing: what to do with tables that are there.
        listener: hears of the progress.
        workers: do the work; this process, one image after another, when ``None``.

    Returns:
        An outcome an image, in order.

    Raises:
        StarbridgeError: what concerns all images: settings that volumes do not have, or an output
            folder that cannot be written.
    """
    if volumes:
        check_settings(settings, "--volumes")
    job = VolumeMeasureJob(tuple(sources), settings, alone=len(images) == 1, volumes=volumes)
    return run_batch(job, images, out, existing=existing, listener=listener, workers=workers)


def check_settings(settings: Settings, source: str) -> None:
    """Refuse settings that planes have and volumes have not.

    Args:
        settings: how to measure.
        source: the file or option that asks for volumes, named in the error.

    Raises:
        BadInputError: a ring, or lengths in px.

    >>> check_settings(Settings(), "--volumes")
    """
    if settings.ring is not None:
        raise BadInputError(
            source, "means 3D nuclei, which have no rings", "leave out --ring, or give --slices"
        )
    if settings.unit == "px":
        raise BadInputError(
            source,
            "means 3D nuclei, which are measured in µm",
            "leave out --unit px, or give --slices",
        )


@dataclass(frozen=True)
class VolumeMeasureJob(MeasureJob):
    """Measurement of the objects of images and of volumes.

    Attributes:
        volumes: as in :func:`measure_files`.
    """

    volumes: bool | None = None

    def key(self, item: Path) -> dict[str, Json]:
        """Return everything that decides the table.

        Raises:
            BadInputError: the image or its objects are not there.
        """
        chosen: dict[str, Json] = {} if self.volumes is None else {"volumes": self.volumes}
        return {**super().key(item), **chosen}

    def measure(self, path: Path, source: Path, progress: Progress) -> Measured:
        """Measure the objects of an image, each or each of their slices."""
        settings = self.settings
        with open_pair(path, source, settings, is_traced=bool(settings.objects)) as pair:
            if not (_are_slices(pair) if self.volumes is None else self.volumes):
                return measure_slices(pair, settings)
            check_settings(settings, str(source))
            measured = _measure_objects(pair, settings, progress)
        return replace(measured, result={_BY_ITSELF: self.volumes is None})


def note_on_volumes(outcomes: Sequence[Outcome]) -> str | None:
    """Return one line on the images that were measured as volumes without being asked to.

    >>> note_on_volumes([]) is None
    True
    """
    names = [
        outcome.name
        for outcome in outcomes
        if outcome.status == "done" and outcome.result.get(_BY_ITSELF)
    ]
    if not names:
        return None
    listed = ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
    return f"measured 3D nuclei, a row each, in {listed}; --slices measures each slice"


def _are_slices(pair: Pair) -> bool:
    objects = pair.objects
    return (
        isinstance(objects, Detections)
        and len(objects) > 0
        and pair.image.size("Z") > 1
        and has_objects(objects)
    )


def _measure_objects(pair: Pair, settings: Settings, progress: Progress) -> Measured:
    notes: list[str] = []
    objects = pair.objects
    if isinstance(objects, Detections):
        if OBJECT not in objects.objects.columns and not pair.is_label_image:
            notes.append(
                "its slices do not say what they are slices of (column 'object'): those of one "
                "label count as one nucleus"
            )
        objects = name_objects(objects)
    table = measure_volumes(
        objects,
        pair.image,
        axes=pair.axes,
        channels=settings.channels,
        progress=progress,
        notes=notes,
    )
    missing: tuple[str, ...] = ()
    written = None
    if isinstance(objects, Detections):
        missing = tuple(table.loc[table[VOLUME].isna(), OBJECT])
        written = spread_measurements(objects, table) if settings.objects else None
    whole = pd.concat([pd.Series(pair.image.name, table.index, name="image"), table], axis=1)
    return Measured(whole, written, missing, tuple(notes))
