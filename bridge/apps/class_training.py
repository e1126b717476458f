"""Train a classifier of objects on what people classed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bridge.apps.class_examples import read_classed_images
from bridge.classify.objects.classed_images import (
    ClassedImage,
    Note,
    OnError,
    ignore_note,
    measure_examples,
)
from bridge.classify.objects.examples import ClassedObjects, check_class_names
from bridge.classify.objects.features import FeatureSettings, object_features
from bridge.classify.objects.features.settings import NEIGHBOURS
from bridge.classify.objects.models.registry import MODELS
from bridge.classify.objects.sources.options import ReadOptions
from bridge.classify.objects.training import TrainedClassifier, train_object_classifier
from bridge.errors import BadInputError, StarbridgeError
from bridge.images import open_image

RING_UM, RING_PX = 3.0, 8.0
"""Usual width of the ring around an object, where the pixel size is known and where not."""


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
        kinds: models to try.
        seed: the same examples and seed give the same classifier.
        qupath: folder of QuPath, for a review in QuPath.
        heap: its memory.
        note: called with sentences for the user.
        on_error: called with the error of an image, which is left out; where ``None``, the first
            such error is raised.
    """

    sources: Sequence[Path]
    options: ReadOptions = field(default_factory=ReadOptions)
    channels: Sequence[int | str] = ()
    ring: float | None = None
    kinds: Sequence[str] = tuple(MODELS)
    seed: int = 0
    qupath: Path | None = None
    heap: str | None = None
    note: Note = ignore_note
    on_error: OnError | None = None

    def run(self, test: Sequence[Path] = ()) -> TrainedClassifier:
        """Read classed objects, measure them, and train.

        Args:
            test: sources of objects that are to be tested on later: none of them, and no image of
                them, may be among those to train on.

        Raises:
            BadInputError: a source cannot be read, fewer than two classes have objects, classes
                differ only by case or blanks, an object or an image is given twice in a way that
                would let it be on both sides of a split, or to train on and to test on.
            MissingPartError: scikit-learn is not installed.
        """
        examples, settings = self.read(self.sources)
        if test:
            examples.refuse_shared(self.read(test, settings)[0])
        return train_object_classifier(
            examples.table,
            settings,
            kinds=tuple(self.kinds),
            seed=self.seed,
            note=self.note,
        )

    def read(
        self, sources: Sequence[Path], settings: FeatureSettings | None = None
    ) -> tuple[ClassedObjects, FeatureSettings]:
        """Read classed objects and measure their features.

        Args:
            sources: where they come from.
            settings: of the features; those of the first image where ``None``.

        Raises:
            BadInputError: as :meth:`run`.
        """
        images = [
            image
            for image in read_classed_images(
                sources,
                self.options,
                note=self.note,
                on_error=self.on_error,
                qupath=self.qupath,
                heap=self.heap,
            )
            if image.classes
        ]
        if not images:
            raise BadInputError(
                ", ".join(map(str, sources)), "has no object with a class", "class some first"
            )
        # Before anything is measured, which may take long.
        check_class_names(
            (name, image.source) for image in images for name in image.classes.values()
        )
        chosen = settings or self._settings(images)
        examples = measure_examples(
            images,
            lambda detections, image: object_features(detections, image, chosen),
            note=self.note,
            on_error=self.on_error,
        )
        return examples, chosen

    def _settings(self, images: Sequence[ClassedImage]) -> FeatureSettings:
        crops = sum(image.is_crop for image in images)
        if 0 < crops < len(images):
            self.note("neighbours of objects are not measured, as some of the images are crops")
        failed: StarbridgeError | None = None
        for image in images:
            try:
                with open_image(image.path, axes=image.axes, pixel_size=image.pixel_size) as opened:
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
