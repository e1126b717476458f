"""Train a classifier of objects on what people classed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from bridge.apps.class_examples import read_classed_images
from bridge.classify.objects.classed_images import (
    ClassedImage,
    Note,
    OnError,
    crop_examples,
    ignore_note,
    measure_examples,
)
from bridge.classify.objects.examples import ClassedObjects, check_class_names
from bridge.classify.objects.features import FeatureSettings, object_features
from bridge.classify.objects.features.ilastik import USUAL_FEATURES, select_features
from bridge.classify.objects.features.ilastik.selection import (
    PLUGIN,
    USUAL_MARGIN,
    has_surroundings,
)
from bridge.classify.objects.features.settings import NEIGHBOURS
from bridge.classify.objects.ilastik_projects import choose_features, is_ilastik_project
from bridge.classify.objects.models.forest import ForestModel
from bridge.classify.objects.models.network_fitting import import_keras
from bridge.classify.objects.models.registry import COMPARED, CROP_MODELS
from bridge.classify.objects.pictures import picture_objects
from bridge.classify.objects.report import write_class_report
from bridge.classify.objects.sources.options import ReadOptions
from bridge.classify.objects.training import TrainedClassifier, train_object_classifier
from bridge.errors import BadInputError, StarbridgeError
from bridge.images import Image, open_image

RING_UM, RING_PX = 3.0, 8.0
"""Usual width of the ring around an object, where the pixel size is known and where not."""


@dataclass(frozen=True)
class ClassTrainingResult:
    """A classifier, and what a report of it needs.

    Attributes:
        trained: the classifier and its cross-validation.
        picture: returns the picture of an object by its UUID.
    """

    trained: TrainedClassifier
    picture: Callable[[str], NDArray[Any] | None]

    def write_report(self, folder: Path, *, seed: int = 0) -> None:
        """Write the report, with pictures of the wrong and of the least certain examples.

        Raises:
            BadInputError: an image cannot be read any more, or a file cannot be written.
            MissingPartError: jinja2 is not installed.
        """
        ids = self.trained.examples["object"].astype(str).tolist()
        write_class_report(
            folder, self.trained, lambda number: self.picture(ids[number]), seed=seed
        )


@dataclass(frozen=True, kw_only=True)
class ClassTraining:
    """Training of a classifier on files and reviews.

    Attributes:
        sources: as of :func:`bridge.apps.class_examples.read_classed_images`.
        options: what is read of them.
        channels: those to measure; all where empty.
        ring: width of a ring around each object to measure, too: in µm where the pixel size of the
            first image is known, else in pixels; 0 for none, :data:`RING_UM` or :data:`RING_PX`
            where ``None``.
        features: ``starbridge``, or ``ilastik``: those that the projects among the sources choose,
            else :data:`bridge.classify.objects.features.ilastik.USUAL_FEATURES`. Where ``None``:
            ``ilastik`` if all sources are projects of ilastik, whose users expect its classes.
        kinds: models to try; where empty, a forest for ilastik's features, else all others.
        kinds: models to try.
        logs: folder in which networks are logged for TensorBoard.
        seed: the same examples and seed give the same classifier.
        dead: classes of dead cells.
        unstained: classes of living cells without any marker.
        qupath: folder of QuPath, for a review in QuPath.
        heap: its memory.
        note: called with sentences for the user.
        on_error: called with the error of an image, which is left out; where ``None``, the first
            such error is raised.
        on_image: called with the name of each image that was measured.
    """

    sources: Sequence[Path]
    options: ReadOptions = field(default_factory=ReadOptions)
    channels: Sequence[int | str] = ()
    ring: float | None = None
    features: Literal["starbridge", "ilastik"] | None = None
    kinds: Sequence[str] = ()
    logs: Path | None = None
    seed: int = 0
    dead: Sequence[str] = ()
    unstained: Sequence[str] = ()
    qupath: Path | None = None
    heap: str | None = None
    note: Note = ignore_note
    on_error: OnError | None = None
    on_image: Note = ignore_note

    def run(self, test: Sequence[Path] = ()) -> ClassTrainingResult:
        """Read classed objects, measure them, and train.

        Args:
            test: sources of objects that are to be tested on later: none of them, and no image of
                them, may be among those to train on.

        Raises:
            BadInputError: a source cannot be read, fewer than two classes have objects, classes
                differ only by case or blanks, an object or an image is given twice in a way that
                would let it be on both sides of a split, or to train on and to test on.
            MissingPartError: scikit-learn is not installed, or TensorFlow for a model on crops.
        """
        needs_crops = any(kind in CROP_MODELS for kind in self.kinds)
        if needs_crops:
            import_keras()  # what is not installed is said before anything is measured
        images = self.read(self.sources)
        self._check_kinds_of_cells(images)
        settings = self._settings(images)
        examples = self.measure(images, settings)
        if test:
            examples.refuse_shared(self.measure(self.read(test), settings))
        trained = train_object_classifier(
            examples.table,
            settings,
            kinds=tuple(self.kinds)
            or (COMPARED if settings.ilastik is None else (ForestModel.kind,)),
            crops=crop_examples(images, examples, settings) if needs_crops else None,
            logs=self.logs,
            seed=self.seed,
            note=self.note,
            progress=self.note,
        )
        # A class may be left without examples that can be measured.
        dead, unstained = (
            tuple(name for name in names if name in trained.classifier.classes)
            for names in (self.dead, self.unstained)
        )
        classifier = replace(trained.classifier, dead=dead, unstained=unstained)
        trained = replace(trained, classifier=classifier)
        return ClassTrainingResult(trained, picture_objects(images, settings.channels[0]))

    def read(self, sources: Sequence[Path]) -> list[ClassedImage]:
        """Read images with classed objects.

        Args:
            sources: where they come from.

        Raises:
            BadInputError: as :meth:`run`.
        """
        found = read_classed_images(
            sources,
            self.options,
            note=self.note,
            on_error=self.on_error,
            qupath=self.qupath,
            heap=self.heap,
        )
        images = [image for image in found if image.classes]
        if not images:
            raise BadInputError(
                ", ".join(map(str, sources)), "has no object with a class", "class some first"
            )
        # Before anything is measured, which may take long.
        check_class_names(
            (name, image.source) for image in images for name in image.classes.values()
        )
        return images

    def measure(self, images: Sequence[ClassedImage], settings: FeatureSettings) -> ClassedObjects:
        """Measure the features of classed objects.

        Raises:
            BadInputError: as :meth:`run`.
        """
        return measure_examples(
            images,
            lambda detections, image: object_features(detections, image, settings),
            note=self.note,
            on_error=self.on_error,
            on_image=self.on_image,
        )

    def _check_kinds_of_cells(self, images: Sequence[ClassedImage]) -> None:
        """Check that dead and unstained cells are classes of the examples."""
        classes = sorted({name for image in images for name in image.classes.values()})
        for option, names in (("--dead", self.dead), ("--unstained", self.unstained)):
            for name in names:
                if name not in classes:
                    raise BadInputError(
                        option,
                        f"{name!r} is no class of the examples",
                        f"choose from {', '.join(classes)}",
                    )
        both = set(self.dead) & set(self.unstained)
        if both:
            raise BadInputError(
                "--dead and --unstained", f"both name {min(both)!r}", "decide for one of them"
            )

    def _settings(self, images: Sequence[ClassedImage]) -> FeatureSettings:
        crops = sum(image.is_crop for image in images)
        if 0 < crops < len(images) and self.features != "ilastik":
            self.note("neighbours of objects are not measured, as some of the images are crops")
        failed: StarbridgeError | None = None
        for image in images:
            try:
                with open_image(image.path, axes=image.axes, pixel_size=image.pixel_size) as opened:
                    if self._takes_ilastik(opened):
                        return self._ilastik_settings(opened, are_crops=crops > 0)
                    usual = RING_UM if opened.pixel_size is not None else RING_PX
                    ring = usual if self.ring is None else self.ring
                    return FeatureSettings.of_image(
                        opened,
                        channels=tuple(self.channels) or None,
                        ring=ring or None,
                        neighbours=0 if crops else NEIGHBOURS,
                    )
            except StarbridgeError as error:  # the image is reported when it is measured
                failed = failed or error
        assert failed is not None  # noqa: S101 - there is an image
        raise failed

    def _takes_ilastik(self, image: Image) -> bool:
        """Return whether ilastik's features are measured, and say so where nobody asked for them.

        Raises:
            BadInputError: a ring was asked for, too.
        """
        if self.features is None:
            if self.ring is not None or not all(map(is_ilastik_project, self.sources)):
                return False
            if image.size("Z") > 1:
                self.note("images have slices: starbridge's features are measured in each")
                return False
            self.note("ilastik's features and a forest, as in ilastik; --features starbridge: ours")
        elif self.features == "ilastik" and self.ring is not None:
            raise BadInputError(
                "--ring", "is for starbridge's features", "leave one of the two out"
            )
        return self.features != "starbridge"

    def _ilastik_settings(self, image: Image, *, are_crops: bool) -> FeatureSettings:
        count = len(self.channels) or image.size("C")
        projects = [source for source in self.sources if is_ilastik_project(source)]
        selection = choose_features(projects, count, are_crops=are_crops, note=self.note)
        if selection is None:
            names = [n for n in USUAL_FEATURES if not (are_crops and has_surroundings(n))]
            selection, _ = select_features({PLUGIN: names}, USUAL_MARGIN, count)
        assert selection is not None  # noqa: S101 - the usual ones are computed
        return FeatureSettings.of_ilastik(image, selection, channels=tuple(self.channels) or None)
