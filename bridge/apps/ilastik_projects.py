"""New projects of ilastik from images and what reviewers drew in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bridge.apps.review_strokes import StrokeSources
from bridge.errors import BadInputError
from bridge.formats.ilastik.feature_selection import FeatureSelection
from bridge.formats.ilastik.features import fit_features
from bridge.formats.ilastik.input_images import InputImage, input_image
from bridge.formats.ilastik.labels import Strokes
from bridge.formats.ilastik.object_numbers import (
    classes_of_objects,
    copy_numbered,
    numbered_planes,
)
from bridge.formats.ilastik.writing import (
    check_alike,
    check_classes,
    write_object_project,
    write_pixel_project,
)
from bridge.formats.pairing import objects_of
from bridge.images import image_name, open_image
from bridge.images.locations import RemotePath

Note = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class NewProject:
    """A project to be written.

    Attributes:
        path: the project, ``NAME.ilp``.
        images: its images, a lane each.
        classes: names of the classes, in order.
        axes: axes of the images, where the files do not say.
        reviews: where strokes come from, as of :class:`bridge.apps.review_strokes.StrokeSources`.
        qupath: folder of QuPath, for a review in QuPath.
        heap: its memory.
        note: called with sentences for the user.
    """

    path: Path
    images: Sequence[Path]
    classes: Sequence[str]
    axes: str | None = None
    reviews: Sequence[Path] = ()
    qupath: Path | None = None
    heap: str | None = None
    note: Note = field(default=lambda line: None)

    def write_for_pixels(self, features: FeatureSelection) -> None:
        """Write a project of pixel classification.

        Args:
            features: the features to choose.

        Raises:
            BadInputError: an image or a review cannot be read or does not fit, or the project
                cannot be written.
        """
        self._check()
        sources = self._sources(with_objects=False)
        lanes = [self._lane(image) for image in self.images]
        check_alike(lanes)
        self._note_types()
        strokes = [self._strokes(sources, image) for image in self.images]
        sizes = [(lane.size("Z"), lane.size("Y"), lane.size("X")) for lane in lanes]
        fitting, notes = fit_features(features, sizes)
        for line in notes:
            self.note(f"{self.path}: {line}")
        write_pixel_project(self.path, lanes, self.classes, fitting, strokes)
        for number, name in enumerate(self.classes, 1):
            if self.reviews and not any(number in each.counts() for each in strokes):
                self.note(f"{self.path}: the class {name!r} has no labels")

    def write_for_objects(self, labels: Sequence[Path]) -> None:
        """Write a project that classifies the objects of label images.

        Args:
            labels: label images, or folders of them, found by the names of the images.

        Raises:
            BadInputError: an image, its label image or a review cannot be read or does not fit, or
                the project cannot be written.
        """
        self._check()
        sources = self._sources(with_objects=True)
        lanes, label_lanes, classes = [], [], []
        for image in self.images:
            lane = self._lane(image)
            file = objects_of(image, labels, alone=len(self.images) == 1)
            label_lane, by_object = self._objects(file, lane, self._strokes(sources, image))
            lanes.append(lane)
            label_lanes.append(label_lane)
            classes.append(by_object)
        write_object_project(self.path, lanes, label_lanes, self.classes, classes)
        given = {
            kind for lane_classes in classes for each in lane_classes for kind in each.values()
        }
        for number, name in enumerate(self.classes, 1):
            if self.reviews and number not in given:
                self.note(f"{self.path}: no object is labelled as {name!r}")

    def _check(self) -> None:
        check_classes(self.classes)
        names = [image_name(image) for image in self.images]
        for image, name in zip(self.images, names, strict=True):
            if isinstance(image, RemotePath):
                raise BadInputError(image, "lies at a URL", "copy it to this machine first")
            if names.count(name) > 1:
                raise BadInputError(
                    image,
                    f"is called {name!r}, and so is another image: ilastik names what it exports "
                    "by that",
                    "rename one of them",
                )

    def _sources(self, *, with_objects: bool) -> StrokeSources:
        return StrokeSources(
            self.reviews,
            self.classes,
            qupath=self.qupath,
            heap=self.heap,
            with_objects=with_objects,
            note=self.note,
        )

    def _lane(self, image: Path) -> InputImage:
        lane = input_image(image, self.path, axes=self.axes)
        if lane.is_copy:
            self.note(f"{image}: ilastik does not read it as it is; copied to {lane.file}")
        return lane

    def _note_types(self) -> None:
        """Say where images differ in type, and so most likely in their intensities."""
        types: dict[str, Path] = {}
        for image in self.images:
            with open_image(image, axes=self.axes) as opened:
                types.setdefault(opened.dtype.name, image)
        if len(types) > 1:
            found = ", ".join(f"{kind} ({image.name})" for kind, image in types.items())
            self.note(
                f"{self.path}: images are of several types: {found}; a classifier learns their "
                "intensities, so give images of one type"
            )

    def _strokes(self, sources: StrokeSources, image: Path) -> Strokes:
        with open_image(image, axes=self.axes) as opened:
            info = opened.info
        strokes = sources.strokes(image, info, alone=len(self.images) == 1)
        if self.reviews and not strokes.blocks:
            self.note(f"{image}: has no strokes in what was given")
        return strokes

    def _objects(
        self, file: Path, lane: InputImage, strokes: Strokes
    ) -> tuple[InputImage, list[dict[int, int]]]:
        """Return a label image as the project refers to it, and the classes of its objects."""
        with open_image(file) as image:
            by_object, torn = classes_of_objects(image, str(file), strokes)
            if torn:
                self.note(f"{file}: {torn} objects have strokes of several classes and get none")
            is_same = all(plane.is_same for plane in numbered_planes(image, str(file)))
            if is_same and image.dtype.kind == "u":
                name = f"{lane.nickname}_labels"
                placed = input_image(file, self.path, nickname=name)
                return placed, by_object
            copy = copy_numbered(image, str(file), self.path, lane.nickname)
        self.note(
            f"{file}: its objects are numbered anew in {copy.file}, as newer versions of ilastik do"
        )
        return copy, by_object
