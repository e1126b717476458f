"""Train a pixel classifier on files, and show on a page what it finds, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG

from bridge.apps.qupath.training_pairs import is_project
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
from bridge.images.series import split_series
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
        sets = [self._sets(project, classes) for project in projects]
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
        known = {
            name.casefold(): color
            for project in projects
            for name, color in zip(project.classes, project.colors, strict=False)
        }
        colors = [known[name.casefold()] for name in self.classes if name.casefold() in known]
        is_whole = len(colors) == len(self.classes)
        return check_classes(self.classes), tuple(colors) if is_whole else None

    def _sets(
        self, project: IlastikProject, classes: Sequence[str]
    ) -> tuple[IlastikProject, list[Strokes]]:
        """Return the strokes of a project, numbered as the classes of the training."""
        used = sorted({number for counts in project.label_counts for number in counts})
        numbers, is_by_name = match_classes(project, used, classes)
        if not is_by_name:
            pairs = (f"{_class_name(project, a)} as {classes[b - 1]}" for a, b in numbers.items())
            self.note(f"{project.path}: its classes are taken in order: {', '.join(pairs)}")
        return project, [strokes.renumbered(numbers) for strokes in read_label_sets(project)]

    def _strokes(
        self,
        path: Path,
        image: Image,
        sources: StrokeSources,
        sets: Sequence[tuple[IlastikProject, Sequence[Strokes]]],
    ) -> Strokes:
        drawn = sources.strokes(path, image.info, alone=len(self.images) == 1)
        found = _of_image(path, sets)
        if len(found) + bool(drawn.blocks) > 1:
            raise BadInputError(
                path, f"has strokes in {found[0][0].path} and elsewhere", "give one of them"
            )
        return found[0][1] if found else drawn


def match_classes(
    project: IlastikProject, used: Sequence[int], classes: Sequence[str]
) -> tuple[dict[int, int], bool]:
    """Return which classes of a training those of a project are.

    Args:
        project: the project.
        used: numbers of its classes that have strokes.
        classes: names of the training's classes.

    Returns:
        For each used class its number in the training; and whether names were the same, else it
        is the order.

    Raises:
        BadInputError: some names are the same and others are not, so that neither is sure; or the
            project has more classes.
    """
    wanted = {name.casefold(): number for number, name in enumerate(classes, 1)}
    names = {number: _class_name(project, number) for number in used}
    same = {n: wanted[name.casefold()] for n, name in names.items() if name.casefold() in wanted}
    if len(same) == len(used):
        return same, True
    if any(number != other for number, other in same.items()) or max(used) > len(classes):
        raise BadInputError(
            project.path,
            f"has strokes of {', '.join(names.values())}, and the classes are {', '.join(classes)}",
            "name --classes as the project does, in any order",
        )
    return {number: number for number in used}, False


def _class_name(project: IlastikProject, number: int) -> str:
    known = number <= len(project.classes)
    return project.classes[number - 1] if known else f"class {number}"


def _of_image(
    path: Path, sets: Sequence[tuple[IlastikProject, Sequence[Strokes]]]
) -> list[tuple[IlastikProject, Strokes]]:
    """Return strokes of an image in projects: by its file, else by its name."""
    file, dataset = split_series(path)
    by_file, by_name = [], []
    for project, lanes in sets:
        for lane, strokes in zip(project.lanes, lanes, strict=True):
            raw = lane.raw
            if raw is None or not strokes.blocks:
                continue
            is_file = any(each.resolve() == file.resolve() for each in raw.files)
            if is_file and (dataset is None or raw.dataset.strip("/") == dataset.strip("/")):
                by_file.append((project, strokes))
            elif raw.nickname == image_name(path):
                by_name.append((project, strokes))
    return by_file or by_name


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


def changes_of(
    paths: Sequence[Path], poll: float = _POLL, without: Sequence[Path] = ()
) -> Iterator[None]:
    """Return an iterator that goes on whenever a file, or one in a folder, has changed from now on.

    Args:
        paths: the files and folders; what is not there yet may come. A QuPath project has its
            annotations in folders of its folders.
        poll: seconds between two looks.
        without: files and folders that do not count, as they are written because of the changes.
    """
    return _changes(paths, poll, without, _state(paths, without))


def _changes(
    paths: Sequence[Path],
    poll: float,
    without: Sequence[Path],
    known: dict[Path, tuple[int, int]],
) -> Iterator[None]:
    while True:
        time.sleep(poll)
        found = _state(paths, without)
        if found != known:
            known = found
            yield


def _state(paths: Sequence[Path], without: Sequence[Path]) -> dict[Path, tuple[int, int]]:
    state = {}
    for path in paths:
        for file in [path, *_files_below(path)]:
            try:
                status = file.stat()
            except OSError:
                continue  # it is being replaced
            if S_ISREG(status.st_mode) and not any(file.is_relative_to(own) for own in without):
                state[file] = (status.st_mtime_ns, status.st_size)
    return state


def _files_below(path: Path) -> Iterator[Path]:
    """Yield what lies where strokes do: in a QuPath project deep below, else in a folder or two."""
    if is_project(path):
        yield from (path if path.is_dir() else path.parent).rglob("*")
    elif path.is_dir():
        yield from path.glob("*")
        yield from path.glob("*/*")


def _middle(size: int) -> Span:
    first = max(0, (size - SIDE) // 2)
    return first, min(size, first + SIDE)


def _is_ilp(path: Path) -> bool:
    return path.suffix.lower() == ".ilp"
