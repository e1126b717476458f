"""Run a project of ilastik on many images into one folder, without ilastik's window."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.apps.ilastik.checking import (
    check_objects,
    check_pixels,
    check_table,
    write_empty,
)
from bridge.apps.ilastik.describing import describe_export
from bridge.apps.ilastik.errors import IlastikError, IlastikStartError, ProjectError
from bridge.apps.ilastik.exports import Export
from bridge.apps.ilastik.finding import IlastikApp
from bridge.apps.ilastik.handing_over import (
    HandedImage,
    fit_axes,
    hand_over,
    hand_over_labels,
)
from bridge.apps.ilastik.preparing import (
    LOGS,
    RunProject,
    Settings,
    prepare_for_objects,
    prepare_for_pixels,
    type_of_values,
)
from bridge.apps.ilastik.program import Ilastik
from bridge.apps.ilastik.project_checks import check_project, project_notes
from bridge.batch.job import ImageJob, Json, Made, Progress, Work
from bridge.batch.listener import Listener, Outcome
from bridge.batch.runner import Existing, run_batch
from bridge.batch.workers.base import Workers
from bridge.errors import BadInputError
from bridge.formats import format_of
from bridge.formats.ilastik.input_images import check_path
from bridge.formats.labels import read_label_image
from bridge.formats.pairing import add_source_to_errors, objects_of
from bridge.images import Image, image_name, open_image
from bridge.images.locations import Location, known_identity, path_identity
from bridge.images.series import split_series

RECORD = "ilastik.json"
_LABEL_IMAGES = (".tif", ".tiff", ".h5", ".hdf5")
_EXPORTED = {"h5": "exported.h5", "csv": "exported_table.csv"}  # as ilastik calls them


def run_files(
    app: IlastikApp,
    project: Path,
    images: Sequence[Location],
    out: Path,
    settings: Settings,
    *,
    objects: Sequence[Path] = (),
    existing: Existing = "check",
    listener: Listener | None = None,
    workers: Workers | None = None,
) -> list[Outcome]:
    """Run a project on images into one folder; see :func:`bridge.batch.runner.run_batch`.

    A project without a stored classifier is trained once, in a copy ``OUT/NAME_trained.ilp``, so
    that all images get the same one. What ilastik prints is kept in ``OUT/logs``.

    Args:
        app: the ilastik.
        project: the project, which is not changed unless ``settings.in_place``.
        images: files and OME-Zarr folders, here or at URLs.
        out: the output folder; created where missing.
        settings: what to export, and how.
        objects: label images, other files of objects, or folders of them, to classify.
        existing: what to do with results that are there.
        listener: hears of the progress.
        workers: do the work, in threads; this thread, one image after another, when ``None``.

    Returns:
        An outcome an image, in order.

    Raises:
        StarbridgeError: what concerns all images: the project is harmful, or cannot be run; ilastik
            cannot be started; the output folder cannot be written.

    >>> run_files(app, Path("cells.ilp"), images, Path("out"), Settings())  # doctest: +SKIP
    """
    listener = listener or Listener()
    found, export = check_project(project, settings.export)
    if export.of_objects and not objects:
        raise BadInputError(
            project, "classifies the objects of label images", "give them: --objects"
        )
    if objects and not export.of_objects:
        raise BadInputError("--objects", f"are not used for {export.key}", "leave it out")
    _check_out(out)
    ilastik = Ilastik(app, settings.timeout, getattr(workers, "count", 1))
    with tempfile.TemporaryDirectory(prefix="starbridge-") as temporary:
        if export.of_objects:
            run, notes = prepare_for_objects(found, settings, Path(temporary))
        else:
            anew = existing == "overwrite"
            run, notes = prepare_for_pixels(found, settings, ilastik, out.absolute(), anew)
        for line in (*project_notes(found), *notes):
            listener.remark(line)
        job = IlastikJob(
            ilastik,
            run,
            export,
            out.absolute() / LOGS,
            axes=settings.axes,
            objects=tuple(path.absolute() for path in objects),
            alone=len(images) == 1,
            trained_on=type_of_values(found),
        )
        return run_batch(job, images, out, existing=existing, listener=listener, workers=workers)


@dataclass(frozen=True)
class IlastikJob(ImageJob[Location]):
    """A run of ilastik for each image.

    Attributes:
        ilastik: the program.
        run_project: the project.
        export: what to export.
        logs: folder of what ilastik prints.
        axes: of the images, where the files do not say them.
        objects: files of objects, or folders with them.
        alone: there is one image: a single file of objects need not have its name.
        trained_on: type of the values of the project's own images, ``""`` where not known.
    """

    record = RECORD
    participle = "classified by ilastik"
    memory_remedy = "use fewer --jobs"
    fatal = (ProjectError, IlastikStartError)

    ilastik: Ilastik
    run_project: RunProject
    export: Export
    logs: Path
    axes: str | None = None
    objects: tuple[Path, ...] = ()
    alone: bool = False
    trained_on: str = ""

    def key(self, item: Location) -> dict[str, Json]:
        """Return everything that decides the result.

        Raises:
            BadInputError: the image or its label image is not there.
        """
        return {
            "image": known_identity(item),
            "project": self.run_project.sha256,
            "export": self.export.key,
            "axes": self.axes,
            **({"label image": path_identity(self._objects_of(item))} if self.objects else {}),
        }

    def outputs(self, item: Location) -> dict[str, str]:
        """Return the files of an image by format."""
        return self.export.files(image_name(item))

    def describe(self) -> dict[str, Json]:
        """Return the project and the export."""
        return {
            "project": str(self.run_project.origin),
            "sha256": self.run_project.sha256,
            "classes": list(self.run_project.project.classes),
            "export": self.export.key,
        }

    def run(self, work: Work[Location], folder: Path, progress: Progress) -> Made:
        """Run ilastik on an image, check what it wrote, and give it its name."""
        log = self.logs / f"{work.name}_ilastik.log"
        project = self.run_project.project
        lane = project.lanes[0].raw if project.lanes else None
        with open_image(work.item, axes=self.axes) as image:
            axes = fit_axes(image, work.item, lane)
            handed = hand_over(image, work.item, axes, folder / "image.h5")
            notes = list(_type_note(image, self.trained_on))
            labels = self._read_labels(work.item, image) if self.objects else None
            pixel_size = image.info.pixel_size
        try:
            if labels is None:
                self._export(work, handed, None, folder, log, progress)
                check_pixels(
                    folder / _EXPORTED["h5"],
                    handed.output_axes,
                    handed.sizes,
                    len(project.classes),
                    self.export.key,
                )
                count = None
            else:
                count = self._run_objects(work, handed, labels, folder, log, progress)
            describe_export(
                folder / _EXPORTED["h5"],
                handed.output_axes,
                pixel_size,
                project.classes if self.export.key == "probabilities" else (),
            )
        except self.fatal:
            raise
        except IlastikError as error:
            raise type(error)(f"{work.item}: {error} (its log: {log})") from error
        if count == 0:
            notes.append("its label image has no objects")
        # All of them, also where one was there: classes and table are of the same classifier.
        outputs = self.outputs(work.item)
        for key, relative in outputs.items():
            (folder / _EXPORTED[key]).rename(folder / relative)
        return Made(
            count,
            more={key: path for key, path in outputs.items() if key not in work.outputs},
            notes=tuple(notes),
            provenance={"ilastik": self.ilastik.app.version},
        )

    def _run_objects(
        self,
        work: Work[Location],
        image: HandedImage,
        labels: tuple[NDArray[Any], str],
        folder: Path,
        log: Path,
        progress: Progress,
    ) -> int:
        """Classify the objects of an image, and return how many there are."""
        pixels, axes = labels
        with add_source_to_errors(Path(work.item), self._objects_of(work.item)):
            handed = hand_over_labels(pixels, axes, image, folder / "labels.h5")
        exported, table = folder / _EXPORTED["h5"], folder / _EXPORTED["csv"]
        count = _count_objects(pixels, axes)
        if count == 0:
            write_empty(exported, table, image.output_axes, image.sizes)
            return 0
        self._export(work, image, handed, folder, log, progress)
        ordered = pixels.transpose([axes.index(axis) for axis in "TZYX" if axis in axes])
        classes = len(self.run_project.project.classes)
        check_objects(exported, image.output_axes, image.sizes, classes, ordered)
        check_table(table, count)
        return count

    def _export(
        self,
        work: Work[Location],
        image: HandedImage,
        labels: HandedImage | None,
        folder: Path,
        log: Path,
        progress: Progress,
    ) -> None:
        self.ilastik.export(
            self.run_project.project.path,
            self.export,
            image,
            labels,
            source=work.item,
            output=folder / _EXPORTED["h5"],
            log=log,
            on_wait=lambda: progress(0, 1),
        )

    def _objects_of(self, item: Location) -> Path:
        return objects_of(Path(item), self.objects, alone=self.alone)

    def _read_labels(self, item: Location, image: Image) -> tuple[NDArray[Any], str]:
        source = self._objects_of(item)
        with add_source_to_errors(Path(item), source):
            if split_series(source)[0].suffix.lower() in _LABEL_IMAGES:
                labels, axes, _ = read_label_image(source)
                return labels, axes
            detections = format_of(source).read(source, image=image.info)
            return detections.to_labels(), detections.label_axes()


def _check_out(out: Path) -> None:
    """Refuse a folder whose name ilastik would fill in, or take for a pattern."""
    if any(sign in str(out.absolute()) for sign in "{}"):
        raise BadInputError(
            out, "has a brace in its path, which ilastik fills in", "choose another --out"
        )
    check_path(out)


def _count_objects(labels: NDArray[Any], axes: str) -> int:
    """Count the objects of a label image: those of each time point."""
    times = np.moveaxis(labels, axes.index("T"), 0) if "T" in axes else labels[None]
    return sum(int(np.count_nonzero(np.unique(time))) for time in times)


def _type_note(image: Image, trained_on: str) -> Iterator[str]:
    if trained_on and trained_on != str(image.dtype):
        yield (
            f"its values are {image.dtype}, and those of the project's images {trained_on}: the "
            "classes are right only if both have the same range"
        )
