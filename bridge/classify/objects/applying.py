"""Apply a classifier to the objects of many images, into one folder of results."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bridge.batch.job import ImageJob, Json, Made, Progress, Work
from bridge.batch.listener import Listener, Outcome
from bridge.batch.results import check_formats, result_places, reusable_result, write_results
from bridge.batch.runner import Existing, run_batch
from bridge.batch.workers.base import Workers
from bridge.classify.objects.classed_images import select_examples
from bridge.classify.objects.classifier import ObjectClassifier
from bridge.classify.objects.predicting import ObjectPredictor
from bridge.classify.objects.predictions import (
    PROBABILITY,
    Classed,
    add_classes,
    ilastik_rows,
    prediction_rows,
)
from bridge.classify.objects.slices import one_class_each
from bridge.classify.objects.sources.crops import read_crop_objects
from bridge.classify.objects.sources.options import ReadOptions
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.formats import format_of
from bridge.formats.layout import DEFAULT_FORMATS, RECORD, spec_of
from bridge.formats.pairing import add_source_to_errors, objects_of
from bridge.formats.spreadsheet_text import guard_frame
from bridge.images import Image, open_image
from bridge.images.locations import known_identity, path_identity
from bridge.objects3d import ObjectRows

PREDICTIONS = "predictions"
"""Key of the rows of an image in the common table of predictions."""

ILASTIK = "ilastik"
"""Key of the table that looks like ilastik's."""

COMMON_TABLE = "predictions.csv"
"""Name of the table of the predictions of all images, as orgaSeg calls it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a batch beside the classifier.

    Attributes:
        formats: keys of :func:`bridge.formats.layout.places`.
        threshold: objects whose most probable class is less probable stay without a class.
        keep: objects that have a class keep it.
        crops: each image shows one object, the largest one or the whole image.
        ilastik: write a table with ilastik's columns, too.
        channels: channels of the images that stand for those of training, in their order.
        axes, pixel_size: of the images, where the files do not say.

    Raises:
        BadInputError: an unknown format, or none; a threshold that is no probability.
    """

    formats: tuple[str, ...] = DEFAULT_FORMATS
    threshold: float = 0.0
    keep: bool = False
    crops: bool = False
    ilastik: bool = False
    channels: tuple[int | str, ...] | None = None
    axes: str | None = None
    pixel_size: float | None = None

    def __post_init__(self) -> None:
        check_formats(self.formats)
        if not 0 <= self.threshold <= 1:
            raise BadInputError("--unsure", f"{self.threshold} is no probability", "give 0 to 1")


def apply_to_files(
    images: Sequence[Path],
    sources: Sequence[Path],
    out: Path,
    classifier: Path,
    settings: Settings,
    *,
    existing: Existing = "check",
    listener: Listener | None = None,
    workers: Workers | None = None,
) -> list[Outcome]:
    """Class the objects of images into one folder; see :func:`bridge.batch.runner.run_batch`.

    Beside the files of each image, ``predictions.csv`` has the class of each object of all images
    (:func:`bridge.classify.objects.predictions.prediction_rows`).

    Args:
        images: files and OME-Zarr folders.
        sources: files of their objects, or folders with them; may be empty for crops.
        out: the folder of results, laid out as that of ``starbridge segment``.
        classifier: as :func:`bridge.classify.objects.classifier.load_object_classifier` takes it.
        settings: what to write, and how.
        existing: what to do with results that are there.
        listener: hears of the progress.
        workers: do the work; this process, one image after another, when ``None``.

    Returns:
        An outcome an image, in order.

    Raises:
        StarbridgeError: what concerns all images: the classifier cannot be loaded, the output
            folder cannot be written.
    """
    job = ClassesJob(classifier, tuple(sources), settings, alone=len(images) == 1)
    outcomes = run_batch(job, images, out, existing=existing, listener=listener, workers=workers)
    _write_common_table(outcomes, out)
    return outcomes


def summarise_classes(outcomes: Sequence[Outcome], classifier: ObjectClassifier) -> str:
    """Return a sentence with number and proportion of each class in all images.

    Args:
        outcomes: of :func:`apply_to_files`.
        classifier: says which classes are dead: the others' proportions among the living are given,
            too.

    Returns:
        The sentence; ``""`` where no object has a class.
    """
    counts: dict[str, int] = {}
    for outcome in outcomes:
        for name, count in outcome.result.get("classes", {}).items():
            counts[name] = counts.get(name, 0) + count
    total = sum(counts.values())
    living = sum(count for name, count in counts.items() if name not in classifier.dead)
    last = {**dict.fromkeys(classifier.unstained, 1), **dict.fromkeys(classifier.dead, 2)}
    parts = []
    for name in sorted(counts, key=lambda name: (last.get(name, 0), name)):
        share = f"{counts[name] / total:.1%}"
        if classifier.dead and name not in classifier.dead:
            share += f", {counts[name] / living:.1%} of the living"
        parts.append(f"{name} {counts[name]:,} ({share})")
    return f"{total:,} objects have a class: {'; '.join(parts)}" if total else ""


def _write_common_table(outcomes: Sequence[Outcome], out: Path) -> None:
    """Put the predictions of all images together, those of earlier runs too."""
    done = [outcome for outcome in outcomes if outcome.status != "failed"]
    if not done:
        return
    with writing(out / COMMON_TABLE) as part, part.open("wb") as stream:
        stream.write(b"image_name,label\n")
        for outcome in done:
            rows = (out / _predictions_file(outcome.name)).read_bytes()
            stream.write(rows.partition(b"\n")[2])


def _predictions_file(name: str) -> str:
    return f"predictions/{name}_predictions.csv"


class ClassesJob(ImageJob[Path]):
    """Classification of the objects of images.

    Args:
        path: the classifier; another process loads it again.
        sources: files of objects, or folders with them.
        settings: what to write, and how.
        alone: there is one image: a single file of objects need not have its name.

    Raises:
        BadInputError: the classifier cannot be loaded, or needs a table's own features.
    """

    record = RECORD
    participle = "classed"
    memory_remedy = "class the objects of a smaller region"
    clash_remedy = "class them into different --out folders"

    def __init__(
        self, path: Path, sources: tuple[Path, ...], settings: Settings, *, alone: bool = False
    ) -> None:
        self._path = path.absolute()
        self._sources = tuple(source.absolute() for source in sources)
        self._settings = settings
        self._alone = alone
        self._predictor: ObjectPredictor | None = ObjectPredictor.load(
            path, channels=settings.channels
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_predictor": None}

    @property
    def predictor(self) -> ObjectPredictor:
        """The classifier, called with objects and their image."""
        if self._predictor is None:
            self._predictor = ObjectPredictor.load(self._path, channels=self._settings.channels)
        return self._predictor

    @property
    def classifier(self) -> ObjectClassifier:
        """The classifier."""
        return self.predictor.classifier

    def key(self, item: Path) -> dict[str, Json]:
        """Return everything that decides the results.

        Raises:
            BadInputError: the image or its objects are not there.
        """
        settings = self._settings
        objects = self._objects_file(item)
        return {
            "image": known_identity(item),
            "file of objects": None if objects is None else path_identity(objects),
            "classifier": self.classifier.sha256,
            "least probability": settings.threshold,
            "classes that are kept": settings.keep,
            "crops": settings.crops,
            "channels": settings.channels and list(settings.channels),
            "axes": settings.axes,
            "pixel size": settings.pixel_size,
        }

    def outputs(self, item: Path) -> dict[str, str]:
        """Return the files of an image by format, and its rows of the table of predictions."""
        name = self.name(item)
        more = {ILASTIK: f"ilastik/{name}_table.csv"} if self._settings.ilastik else {}
        places = result_places(name, self._settings.formats)
        return {**places, PREDICTIONS: _predictions_file(name), **more}

    def describe(self) -> dict[str, Json]:
        """Return classifier, settings and versions."""
        classifier, settings = self.classifier, self._settings
        return {
            "classifier": {
                "path": str(self._path),
                "sha256": classifier.sha256,
                "classes": list(classifier.classes),
                "dead": list(classifier.dead),
                "unstained": list(classifier.unstained),
                "features": list(classifier.feature_names),
            },
            "formats": list(settings.formats),
            "least_probability": settings.threshold,
            "keep": settings.keep,
            "crops": settings.crops,
            "versions": {"python": platform.python_version(), "numpy": version("numpy")},
        }

    def reusable(self, item: Path, out: Path) -> Path | None:
        """Return a file from which other formats can be written, so that all keep their UUIDs.

        Raises:
            BadInputError: the outlines cannot be had from what is there.
        """
        return reusable_result(self.name(item), out)

    def files(self, item: Path) -> list[Path]:
        """Return the image, the files of objects and the classifier."""
        return [item, *self._sources, self._path]

    def run(self, work: Work[Path], folder: Path, progress: Progress) -> Made:
        """Class the objects of an image and write its outputs."""
        settings, classifier = self._settings, self.classifier
        notes: list[str] = []
        with open_image(work.item, axes=settings.axes, pixel_size=settings.pixel_size) as image:
            classed = self._reused(work, image) or self._classify(work.item, image, notes)
            detections = classed.detections
            detections.image = replace(detections.image, name=work.name)
            shown = self.predictor.settings.find_channels(image, settings.channels)[0]
            tables = {PREDICTIONS, ILASTIK}
            write_results(
                detections,
                {key: path for key, path in work.outputs.items() if key not in tables},
                folder,
                lambda z, t: image.plane(shown, z=z, t=t),
            )
        if PREDICTIONS in work.outputs:
            name = work.item.name if settings.crops else work.name
            rows = prediction_rows(detections, name, is_crop=settings.crops)
            _write_table(rows, folder / work.outputs[PREDICTIONS])
        if ILASTIK in work.outputs:
            rows = ilastik_rows(detections, classifier.classes)
            _write_table(rows, folder / work.outputs[ILASTIK])
        objects = ObjectRows.of(detections)
        given, _ = objects.class_rows(detections.objects["class"])
        counts = detections.objects["class"].iloc[given].value_counts()
        result = {"classes": {str(name): int(count) for name, count in sorted(counts.items())}}
        return Made(len(objects), result=result, notes=(*notes, *_remarks(classed)))

    def _objects_file(self, item: Path) -> Path | None:
        if self._settings.crops and not self._sources:
            return None
        return objects_of(item, self._sources, alone=self._alone)

    def _reused(self, work: Work[Path], image: Image) -> Classed | None:
        """Return what is there already, where it has the probabilities."""
        if work.reuse is None:
            return None
        detections: Detections = format_of(work.reuse).read(work.reuse, image=image.info)
        titles = [PROBABILITY.format(name=name) for name in self.classifier.classes]
        has_all = all(title in detections.objects.columns for title in titles)
        return Classed(detections) if has_all or not len(detections) else None

    def _classify(self, item: Path, image: Image, notes: list[str]) -> Classed:
        settings, classifier = self._settings, self.classifier
        file = self._objects_file(item)
        if settings.crops:
            options = ReadOptions(
                objects=self._sources, axes=settings.axes, pixel_size=settings.pixel_size
            )
            detections, _ = read_crop_objects(item, options)
        else:
            assert file is not None  # noqa: S101 - only crops can do without
            with add_source_to_errors(item, file):
                detections = format_of(file).read(file, image=image.info)
        is_typed = file is None or spec_of(file).key != "rois"
        line = ObjectRows.of(detections).note_on_slices("classed once each, by their largest slice")
        if line is not None:
            notes.append(line)
        if settings.keep:
            detections, differing = one_class_each(detections)
            if differing:
                notes.append(
                    f"{differing} nuclei have slices of different classes; that of most slices is "
                    "kept"
                )
        objects, _ = select_examples(detections, is_typed=is_typed)
        with add_source_to_errors(item, file or item):
            found = replace(self.predictor, note=notes.append)(objects, image)
        frame = detections.objects
        is_object = frame.index.isin(objects.objects.index)
        probabilities = np.full((len(frame), len(classifier.classes)), np.nan)
        probabilities[is_object] = found
        has_class = frame["class"].notna().to_numpy(bool)
        return add_classes(
            detections,
            classifier.classes,
            probabilities,
            threshold=settings.threshold,
            fixed=~is_object | (has_class & settings.keep),
        )


def _write_table(rows: pd.DataFrame, path: Path) -> None:
    with writing(path) as part:
        guard_frame(rows).to_csv(part, index=False, lineterminator="\n", float_format="%.10g")


def _remarks(classed: Classed) -> list[str]:
    lines = []
    if classed.undrawn:
        lines.append(
            f"{classed.undrawn} objects are covered by others or lie outside the image and have no "
            "predicted class"
        )
    if classed.unsure:
        lines.append(f"{classed.unsure} objects are unsure and have no class")
    if classed.kept:
        lines.append(f"{classed.kept} objects keep the class that they had")
    return lines
