"""Train a pixel classifier on files, and show on a page what it finds, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bridge.apps.review_strokes import StrokeSources
from bridge.classify.pixels.applying import check_image
from bridge.classify.pixels.classifier import PixelClassifier
from bridge.classify.pixels.intensities import fit_intensities
from bridge.classify.pixels.outputs import segmentation_of
from bridge.classify.pixels.planes import PlaneReader, Span
from bridge.classify.pixels.preview import SIDE, draw_classes, draw_map
from bridge.classify.pixels.tiling import predict_window
from bridge.classify.pixels.training import TREES, check_classes, train_pixel_classifier
from bridge.errors import BadInputError
from bridge.formats.ilastik.feature_selection import FeatureSelection
from bridge.formats.ilastik.labels import Strokes
from bridge.formats.ilastik.project import IlastikProject, read_label_sets, read_project
from bridge.images import Image, image_name, open_image
from bridge.pictures.page import Gallery, Section, write_page

Note = Callable[[str], None]

_POLL = 0.5  # seconds between looks at the files of strokes
_REFRESH = 2  # seconds after which a browser loads the page again


@dataclass(frozen=True, kw_only=True)
class PixelTraining:
    """Training of a pixel classifier on files.

    Attributes:
        images: the images.
        labels: where their strokes come from: as of
            :class:`bridge.apps.review_strokes.StrokeSources`, and projects of ilastik (``.ilp``).
        classes: names of the classes, in order; those of a project of ilastik where empty.
        selection: the features; those of a project of ilastik, or ilastik's first choice, where
            ``None``.
        channels: those to train on; all where ``None``.
        axes: of the images, where the files do not say.
        seed: of the forest.
        trees: number of trees.
        qupath: folder of QuPath, for a review in QuPath.
        heap: its memory.
        note: called with sentences for the user.
    """

    images: Sequence[Path]
    labels: Sequence[Path]
    classes: Sequence[str] = ()
    selection: FeatureSelection | None = None
    channels: Sequence[int | str] | None = None
    axes: str | None = None
    seed: int = 0
    trees: int = TREES
    qupath: Path | None = None
    heap: str | None = None
    note: Note = field(default=lambda line: None)

    def run(self) -> PixelClassifier:
        """Read images and strokes, and train.

        Raises:
            BadInputError: an image or its strokes cannot be read or do not fit, or fewer than two
                classes have strokes.
            MissingPartError: scikit-learn is not installed.
        """
        projects = [read_project(path) for path in self.labels if _is_ilp(path)]
        classes, colors = self._classes(projects)
        selection = self.selection or next(
            (project.features for project in projects if project.features),
            FeatureSelection.by_name("default"),
        )
        others = [path for path in self.labels if not _is_ilp(path)]
        sources = StrokeSources(others, classes, qupath=self.qupath, heap=self.heap, note=self.note)
        sets = [(project, read_label_sets(project)) for project in projects]
        with ExitStack() as files:
            images, strokes = [], []
            for path in self.images:
                image = files.enter_context(open_image(path, axes=self.axes))
                drawn = self._strokes(path, image, sources, sets)
                if not drawn.blocks:
                    self.note(f"{path}: has no strokes in what was given, and is left out")
                    continue
                images.append(image)
                strokes.append(drawn)
            if not images:
                raise BadInputError(
                    ", ".join(map(str, self.labels)),
                    "has no strokes in any of the images",
                    "name the label images as the images",
                )
            return train_pixel_classifier(
                images,
                strokes,
                classes,
                selection,
                seed=self.seed,
                trees=self.trees,
                colors=colors,
                channels=self.channels,
                note=self.note,
            )

    def _classes(
        self, projects: Sequence[IlastikProject]
    ) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...] | None]:
        if not self.classes and not projects:
            raise BadInputError(
                "--classes", "are not given", "name them in order: background,nucleus"
            )
        if not self.classes:
            return check_classes(projects[0].classes), projects[0].colors
        colors = [p.colors for p in projects if len(p.classes) == len(self.classes)]
        return check_classes(self.classes), next(iter(colors), None)

    def _strokes(
        self,
        path: Path,
        image: Image,
        sources: StrokeSources,
        sets: Sequence[tuple[IlastikProject, Sequence[Strokes]]],
    ) -> Strokes:
        drawn = sources.strokes(path, image.info, alone=len(self.images) == 1)
        for project, lanes in sets:
            for lane, strokes in zip(project.lanes, lanes, strict=True):
                raw = lane.raw
                if raw is None or not strokes.blocks:
                    continue
                is_file = any(file.resolve() == path.resolve() for file in raw.files)
                if not is_file and raw.nickname != image_name(path):
                    continue
                if drawn.blocks:
                    raise BadInputError(
                        path, f"has strokes in {project.path} and elsewhere", "give one of them"
                    )
                drawn = strokes
        return drawn


def write_preview_page(
    path: Path,
    image_path: Path,
    classifier: PixelClassifier,
    *,
    axes: str | None = None,
    channels: Sequence[int | str] | None = None,
    refresh: bool = False,
) -> None:
    """Write a page with the classes of an image and a map of each.

    Of an image larger than 1,024 pixels its middle is shown, of a stack its middle slice.

    Args:
        path: the page.
        image_path: the image.
        classifier: the classifier.
        axes: of the image, where the file does not say.
        channels: those that the classifier was trained on; all where ``None``.
        refresh: have the browser load the page again and again.

    Raises:
        BadInputError: the image does not fit the classifier, or the page cannot be written.
        MissingPartError: jinja2 is not installed.
    """
    with open_image(image_path, axes=axes) as image:
        reader = PlaneReader(image, channels)
        notes = check_image(classifier, reader)
        rescaling, more = fit_intensities(classifier.intensities, reader, "as-is")
        place = (0, image.size("Z") // 2)
        y, x = _middle(image.height), _middle(image.width)
        probabilities = predict_window(classifier, reader, place, (y, x), rescaling)
        plane = reader.plane(*place, 0)[slice(*y), slice(*x)]
    part = f"rows {y[0]} to {y[1] - 1}, columns {x[0]} to {x[1] - 1}"
    if image.size("Z") > 1:
        part += f", slice {place[1]}"
    legend = [
        (name, "#" + bytes(color).hex())
        for name, color in zip(classifier.class_names, classifier.colors, strict=True)
    ]
    picture = draw_classes(plane, segmentation_of(probabilities), classifier.colors)
    maps = [
        (name, draw_map(probability))
        for name, probability in zip(classifier.class_names, probabilities, strict=True)
    ]
    sections = [
        Section("Classes", Gallery([(part, picture)], legend), "\n".join([*notes, *more])),
        Section("Probability of each class", Gallery(maps), "black: 0, white: 1"),
    ]
    error = classifier.error
    subtitle = f"{classifier.forest.n_trees} trees, {classifier.forest.n_features} features"
    if error is not None:
        subtitle += f"; {error:.1%} of the labelled pixels wrong (out of bag)"
    write_page(
        path,
        f"Pixel classifier on {image_name(image_path)}",
        sections,
        subtitle=subtitle,
        refresh=_REFRESH if refresh else None,
    )


def changes_of(paths: Sequence[Path], poll: float = _POLL) -> Iterator[None]:
    """Yield whenever one of some files, or a file directly in one of some folders, has changed.

    Args:
        paths: the files and folders; what is not there yet may come.
        poll: seconds between two looks.
    """
    known = _state(paths)
    while True:
        time.sleep(poll)
        found = _state(paths)
        if found != known:
            known = found
            yield


def _state(paths: Sequence[Path]) -> dict[Path, tuple[int, int]]:
    state = {}
    for path in paths:
        for file in [path, *(path.iterdir() if path.is_dir() else ())]:
            try:
                status = file.stat()
            except OSError:
                continue  # it is being replaced
            state[file] = (status.st_mtime_ns, status.st_size)
    return state


def _middle(size: int) -> Span:
    first = max(0, (size - SIDE) // 2)
    return first, min(size, first + SIDE)


def _is_ilp(path: Path) -> bool:
    return path.suffix.lower() == ".ilp"
