"""Brush strokes for ilastik from wherever reviewers draw: QuPath, Fiji, GeoJSON, label images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.apps.fiji.review_files import read_review, reviewed_names
from bridge.apps.fiji.training_pairs import is_review_folder
from bridge.apps.qupath.session import QuPath
from bridge.apps.qupath.sync import Review, pull
from bridge.apps.qupath.training_pairs import is_project
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.formats.geojson import read_drawn
from bridge.formats.ilastik.drawing import (
    class_numbers,
    draw_strokes,
    keep_annotations,
    strokes_of_image,
)
from bridge.formats.ilastik.labels import Strokes
from bridge.formats.layout import spec_of
from bridge.formats.pairing import objects_of
from bridge.images import image_name, open_image
from bridge.images.info import ImageInfo
from bridge.images.series import split_series

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

Note = Callable[[str], None]

_LABEL_NAMES = ("{name}.tif", "{name}.tiff", "{name}.h5")


@dataclass
class StrokeSources:
    """Reviews and files that hold the strokes of several images.

    QuPath is started once, when the first project is opened.

    Args:
        places: QuPath projects, review folders of Fiji, and files or folders of GeoJSON, ROIs or
            sparse label images (0: no label, then the classes from 1 in order).
        classes: names of the classes, in order.
        qupath: folder of QuPath, where a project is among them.
        heap: memory of QuPath, likewise.
        with_objects: objects of a class count too, not only annotations.
        note: called with sentences for the user.
    """

    places: Sequence[Path]
    classes: Sequence[str]
    qupath: Path | None = None
    heap: str | None = None
    with_objects: bool = False
    note: Note = lambda line: None
    _projects: dict[Path, list[Review]] = field(default_factory=dict, init=False)

    def strokes(self, image: Path, info: ImageInfo, *, alone: bool = False) -> Strokes:
        """Return the strokes of an image; none where no source has any.

        Args:
            image: the image.
            info: its size.
            alone: it is the only image: a single file need not have its name.

        Raises:
            BadInputError: several sources have strokes of it, or what is there cannot be read or
                is of an image of another size.
        """
        shape = (info.size_t, info.size_z, info.height or 1, info.width or 1)
        found: list[tuple[Path, Strokes]] = []
        for place in self.places:
            strokes = self._of(place, image, info, shape, alone)
            if strokes is not None:
                found.append((place, strokes))
        if len(found) > 1:
            raise BadInputError(
                image, f"has strokes in {found[0][0]} and in {found[1][0]}", "give one of them"
            )
        return found[0][1] if found else Strokes(shape)

    def _of(
        self,
        place: Path,
        image: Path,
        info: ImageInfo,
        shape: tuple[int, int, int, int],
        alone: bool,
    ) -> Strokes | None:
        name = image_name(image)
        if is_project(place):
            review = self._review(place, image, name)
            if review is None:
                return None
            strokes = self._drawn(review.detections, place, info, shape)
            return self._with_markers(strokes, review.markers, place)
        if is_review_folder(place):
            if name not in reviewed_names(place):
                return None
            read = read_review(place, name)
            for line in read.notes:
                self.note(f"{place}: {line}")
            return self._drawn(read.objects, place, info, shape, is_typed=False)
        file = _file_of(image, name, place, alone)
        if file is None:
            return None
        if spec_of(file).needs_size:
            with open_image(file) as labels:
                strokes = strokes_of_image(labels, len(self.classes), str(file))
            _check_size(file, (strokes.shape[3], strokes.shape[2]), info)
            if strokes.shape != shape:
                raise BadInputError(
                    file,
                    f"is {strokes.shape} (T, Z, Y, X) pixels large, and its image {shape}",
                    "give labels of this image",
                )
            return strokes
        is_rois = spec_of(file).key == "rois"
        # What positions of ROIs mean depends on the image; other files say what they belong to.
        markers = None
        if spec_of(file).key == "geojson":
            found, markers = read_drawn(file)
        else:
            found = Detections.read(file, image=info) if is_rois else Detections.read(file)
        strokes = self._drawn(found, file, info, shape, is_typed=not is_rois)
        return self._with_markers(strokes, markers, file)

    def _review(self, place: Path, image: Path, name: str) -> Review | None:
        """Return the review of an image in a project of QuPath: by its file, else by its name."""
        if place not in self._projects:
            with QuPath(self.qupath, heap=self.heap) as session:
                self._projects[place] = pull(session, place)
        file, _ = split_series(image)
        resolved = file.resolve()
        reviews = self._projects[place]
        same = [r for r in reviews if any(path.resolve() == resolved for path in r.image.paths)]
        found = same or [r for r in reviews if r.image.name in (name, image.name, file.name)]
        if len(found) > 1:
            raise BadInputError(
                image, f"is in {place} {len(found)} times", "give its strokes as files (GeoJSON)"
            )
        return found[0] if found else None

    def _drawn(
        self,
        detections: Detections,
        source: Path,
        info: ImageInfo,
        shape: tuple[int, int, int, int],
        *,
        is_typed: bool = True,
    ) -> Strokes:
        if detections.image.coordinates == "shown":
            raise BadInputError(
                source,
                "lies as QuPath shows a turned or cut image, not as its file is",
                "give the project of QuPath itself",
            )
        _check_size(source, (detections.image.width, detections.image.height), info)
        frame = detections.objects
        numbers = class_numbers(frame, self.classes, by_name=not is_typed)
        if is_typed and not self.with_objects:
            numbers, line = keep_annotations(frame, numbers)
            if line:
                self.note(f"{source}: {info.name}: {line}")
        others = sorted({str(c) for c in frame["class"][numbers == 0] if isinstance(c, str)})
        unknown = [c for c in others if c.casefold() not in {n.casefold() for n in self.classes}]
        if unknown:
            self.note(f"{source}: {info.name}: other classes are left out: {', '.join(unknown)}")
        strokes, notes = draw_strokes(frame, numbers, shape)
        for line in notes:
            self.note(f"{source}: {info.name}: {line}")
        return strokes

    def _with_markers(
        self, strokes: Strokes, markers: GeoDataFrame | None, source: Path
    ) -> Strokes:
        """Add lines and points of QuPath to strokes that were drawn as areas."""
        if markers is None or not len(markers):
            return strokes
        thin, notes = draw_strokes(markers, class_numbers(markers, self.classes), strokes.shape)
        for line in notes:
            self.note(f"{source}: {line}")
        return strokes.combined(thin)


def _file_of(image: Path, name: str, place: Path, alone: bool) -> Path | None:
    """Return the file of an image's strokes in a folder, or the file that is given."""
    try:
        return objects_of(image, [place], alone=alone)
    except BadInputError:
        if not place.exists():
            raise
    if not place.is_dir():
        return None
    candidates = [place / each.format(name=name) for each in _LABEL_NAMES]
    there = [file for file in candidates if file.is_file() and not file.samefile(image)]
    if len(there) > 1:
        raise BadInputError(there[0], f"is there, and so is {there[1].name}", "keep one of them")
    return there[0] if there else None


def _check_size(source: Path, size: tuple[int | None, int | None], info: ImageInfo) -> None:
    if size[0] and info.width and size != (info.width, info.height):
        raise BadInputError(
            source,
            f"is of an image of {size[0]} × {size[1]} pixels, and {info.name} has {info.width} × "
            f"{info.height}",
            "give the strokes of this image",
        )
