"""Segment many images with one model into one folder.

The folder follows haug2's conventions (``lbl/NAME_labels.tif``, ``lbl/NAME_labels.h5``,
``roi/NAME_rois.zip``) and adds ``geojson/``, ``tables/``, ``preview/`` and the record ``run.json``.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bridge.batch.job import ImageJob, Json, Made, Progress, Work
from bridge.batch.listener import Listener, Outcome
from bridge.batch.results import (
    check_formats,
    result_places,
    reusable_result,
    write_results,
)
from bridge.batch.runner import Existing, run_batch
from bridge.batch.workers.base import Workers
from bridge.batch.workers.portable import PortableSegmenter
from bridge.detections import Detections, Outline
from bridge.formats import format_of
from bridge.formats.layout import DEFAULT_FORMATS, RECORD
from bridge.images import image_name, open_image
from bridge.images.channels import NUMBERING, is_place
from bridge.images.locations import Location, known_identity
from bridge.objects3d import ObjectRows
from bridge.segment.linking import MIN_PLANES
from bridge.segment.planes import check_scale, set_slice_distance
from bridge.segment.segmenter import Segmenter, Stack2D
from bridge.segment.tiles import MEMORY


@dataclass(frozen=True)
class Settings:
    """Settings of a batch beside the model.

    Attributes:
        formats: keys of :func:`bridge.formats.layout.places`.
        outline: ``star`` or ``traced``.
        axes, pixel_size, scale, z_step: as in :meth:`bridge.segment.segmenter.Segmenter.segment`.
        stack_2d, min_planes: likewise, for stacks and 2D models.
        tiles, memory: as there; results do not depend on them.

    Raises:
        BadInputError: an unknown format, or none; a scale that is no factor, or one beside a pixel
            size.
    """

    formats: tuple[str, ...] = DEFAULT_FORMATS
    outline: Outline = "star"
    axes: str | None = None
    pixel_size: float | None = None
    scale: float | None = None
    z_step: float | None = None
    stack_2d: Stack2D = "plane"
    min_planes: int = MIN_PLANES
    tiles: int | tuple[int, int] | None = None
    memory: float = MEMORY

    def __post_init__(self) -> None:
        check_formats(self.formats)
        check_scale(self.scale, self.pixel_size)


def segment_files(
    images: Sequence[Location],
    out: Path,
    segmenter: Segmenter,
    settings: Settings,
    *,
    existing: Existing = "check",
    listener: Listener | None = None,
    workers: Workers | None = None,
) -> list[Outcome]:
    """Segment images into one folder; see :func:`bridge.batch.runner.run_batch`.

    Args:
        images: files and OME-Zarr folders, here or at URLs.
        out: the output folder; created where missing.
        segmenter: the model; its network is loaded only where there is something to do.
        settings: formats and the like.
        existing: what to do with results that are there.
        listener: hears of the progress.
        workers: do the work; this process, one image after another, when ``None``.

    Returns:
        An outcome an image, in order.

    Raises:
        StarbridgeError: what concerns all images: the model cannot be loaded, the output folder
            cannot be written, its ``run.json`` is damaged, the cluster is gone.
    """
    job = SegmentJob(segmenter, settings)
    return run_batch(job, images, out, existing=existing, listener=listener, workers=workers)


class SegmentJob(ImageJob[Location]):
    """Segmentation of images with one model.

    Args:
        segmenter: the model; another process makes it again from what it is made of.
        settings: formats and the like.
    """

    record = RECORD
    participle = "segmented"
    memory_remedy = "use more --tiles"
    clash_remedy = "segment them into different --out folders"

    def __init__(self, segmenter: Segmenter, settings: Settings) -> None:
        self._segmenter: Segmenter | PortableSegmenter = segmenter
        self._settings = settings

    def __getstate__(self) -> dict[str, Any]:
        segmenter = self._segmenter
        if isinstance(segmenter, Segmenter):
            segmenter = PortableSegmenter.of(segmenter)
        return {"_segmenter": segmenter, "_settings": self._settings}

    @property
    def segmenter(self) -> Segmenter:
        """The segmenter, its network not necessarily loaded."""
        if isinstance(self._segmenter, PortableSegmenter):
            self._segmenter = self._segmenter.load()
        return self._segmenter

    def key(self, item: Location) -> dict[str, Json]:
        """Return everything that decides the outlines; engines of single precision find the same.

        Raises:
            BadInputError: the image cannot be looked at.
        """
        settings = self._settings
        recipe = self.segmenter.recipe.to_json()
        del recipe["diameter"]  # it decides about a hint only
        chosen = recipe["channel"]
        counted = any(map(is_place, chosen if isinstance(chosen, tuple | list) else [chosen]))
        return {
            "image": known_identity(item),
            "model": self.segmenter.model.sha256,
            "recipe": recipe,
            "outline": settings.outline,
            "axes": settings.axes,
            "pixel size": settings.pixel_size,
            "scale": settings.scale,
            **self._stack_settings(),
            # C1 was the second channel when names counted from 0
            **({NUMBERING: "from 1"} if counted else {}),
        }

    def outputs(self, item: Location) -> dict[str, str]:
        """Return the files of an image by format."""
        return result_places(image_name(item), self._settings.formats)

    def describe(self) -> dict[str, Json]:
        """Return model, recipe, settings and versions."""
        settings = self._settings
        return {
            "model": self.segmenter.model.to_json(),
            "recipe": self.segmenter.recipe.to_json(),
            "outline": settings.outline,
            "axes": settings.axes,
            "pixel_size": settings.pixel_size,
            "scale": settings.scale,
            **self._stack_settings(),
            "formats": list(settings.formats),
            "versions": {"python": platform.python_version(), "numpy": version("numpy")},
        }

    def _stack_settings(self) -> dict[str, Json]:
        """Return the settings of stacks that are not the default; older records have none."""
        settings = self._settings
        found: dict[str, Json] = {}
        if settings.z_step is not None:
            found["z step"] = settings.z_step
        if settings.stack_2d != "plane":
            found |= {"stack 2d": settings.stack_2d, "least planes": settings.min_planes}
        return found

    def prepare(self, work: Work[Location]) -> None:
        """Load the network where it is needed.

        Raises:
            StarbridgeError: it cannot be loaded.
        """
        if work.reuse is None:
            self.segmenter.network  # noqa: B018 - loads it

    def reusable(self, item: Location, out: Path) -> Path | None:
        """Return a file from which other formats can be written, so that all keep their UUIDs.

        Raises:
            BadInputError: the outlines cannot be had from what is there.
        """
        return reusable_result(image_name(item), out)

    def files(self, item: Location) -> list[Path]:
        """Return the image and the model, where they are files."""
        model = self.segmenter.model.path
        portable = PortableSegmenter.of(self.segmenter)
        return [
            *([item] if isinstance(item, Path) else []),
            *([model.resolve()] if Path(portable.model).is_absolute() else []),
        ]

    def run(self, work: Work[Location], folder: Path, progress: Progress) -> Made:
        """Segment an image and write its outputs, or write them from those that are there."""
        settings, segmenter = self._settings, self.segmenter
        provenance: dict[str, Json] = {}
        notes: list[str] = []
        with open_image(work.item, axes=settings.axes, pixel_size=settings.pixel_size) as image:
            set_slice_distance(image, settings.z_step)
            if work.reuse is not None:
                read = format_of(work.reuse).read
                detections: Detections = read(work.reuse, image=image.info)
            else:
                detections = segmenter.segment(
                    image,
                    tiles=settings.tiles,
                    memory=settings.memory,
                    outline=settings.outline,
                    scale=settings.scale,
                    stack_2d=settings.stack_2d,
                    min_planes=settings.min_planes,
                    progress=progress,
                    note=notes.append,
                )
                engine = segmenter.network
                provenance = {"engine": engine.name, "versions": dict(engine.versions)}
            write_results(
                detections,
                work.outputs,
                folder,
                lambda z, t: image.plane(segmenter.channels(image)[0], z=z, t=t),
            )
        return Made(len(ObjectRows.of(detections)), notes=tuple(notes), provenance=provenance)
