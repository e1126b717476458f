"""Train a pixel classifier on brush strokes.

scikit-learn's forest with what vigra's has in ilastik: each tree is trained on a bootstrap sample,
looks at √features columns at each node, and is grown until its leaves are pure.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.classify.forest import DecisionForest
from bridge.classify.pixels.classifier import PixelClassifier
from bridge.classify.pixels.filters.bank import FilterBank
from bridge.classify.pixels.filters.fitting import fit_selection
from bridge.classify.pixels.intensities import measure_intensities
from bridge.classify.pixels.planes import PlaneReader, Span, with_halo
from bridge.colors import distinct_color
from bridge.errors import BadInputError, MissingPartError
from bridge.files.threads import cores
from bridge.formats.ilastik.feature_selection import FeatureSelection
from bridge.formats.ilastik.labels import Strokes
from bridge.images import Image

TREES = 100
"""Trees that ilastik trains."""

_TILE = 256
_MOST_PIXELS = 200_000  # strokes have thousands; more cost minutes and change little
_MOST_CLASSES = 255
_MOST_TREES = 10_000
_LARGEST_SEED = 2**32 - 1  # that scikit-learn takes

Note = Callable[[str], None]


def train_pixel_classifier(
    images: Sequence[Image],
    strokes: Sequence[Strokes],
    class_names: Sequence[str],
    selection: FeatureSelection,
    *,
    seed: int = 0,
    trees: int = TREES,
    colors: Sequence[tuple[int, int, int]] | None = None,
    channels: Sequence[int | str] | None = None,
    note: Note = lambda line: None,
) -> PixelClassifier:
    """Train a classifier.

    Args:
        images: open images with the same channels, all of them stacks or none.
        strokes: for each image its brush strokes: 0 for none, then the classes from 1.
        class_names: a name for each class, in order.
        selection: the features.
        seed: the same strokes, seed and versions give the same classifier.
        trees: number of trees.
        colors: (red, green, blue) of each class; well apart where ``None``.
        channels: those to train on, in this order (:meth:`bridge.images.Image.channel_index`); all
            where ``None``.
        note: called with sentences for the user: a class without strokes, too many strokes.

    Returns:
        The classifier, with its out-of-bag error.

    Raises:
        BadInputError: images or strokes do not fit each other, fewer than two classes have
            strokes, or a stroke lies where the image is not a number.
        MissingPartError: scikit-learn is not installed.

    Example::

        with open_image("train.tif") as image:
            strokes = read_strokes_of("train_labels.tif")
            classifier = train_pixel_classifier(
                [image], [strokes], ["background", "nucleus"], FeatureSelection.by_name("2d")
            )
        classifier.write("nuclei.classifier")
    """
    names = check_classes(class_names)
    readers = [PlaneReader(image, channels) for image in images]
    is_3d = _check_images(readers, strokes, selection)
    if not 1 <= trees <= _MOST_TREES:
        raise BadInputError(
            "--trees", f"{trees} is no number of trees", f"give 100, at most {_MOST_TREES:,}"
        )
    if not 0 <= seed <= _LARGEST_SEED:
        raise BadInputError("--seed", f"{seed} is no seed", f"give one from 0 to {_LARGEST_SEED}")
    selection = _fit(selection, images, is_3d, note)
    bank = FilterBank(selection, len(readers[0].channels), is_3d)
    chosen = _choose_pixels(strokes, len(names), images, seed, note)
    features: list[NDArray[np.float32]] = []
    classes: list[NDArray[np.int64]] = []
    for reader, pixels in zip(readers, chosen, strict=True):
        for found, numbers in _features_of(reader, bank, pixels):
            features.append(found)
            classes.append(numbers)
        reader.release()
    if not features:
        raise BadInputError("the strokes", "are empty", "draw strokes of at least two classes")
    x = np.concatenate(features)
    y = np.concatenate(classes)
    usable = np.isfinite(x).all(axis=1)
    if not usable.all():
        note(f"{int((~usable).sum()):,} labelled pixels lie where an image is not a number")
        x, y = x[usable], y[usable]
    present = np.unique(y)
    for number, name in enumerate(names, 1):
        if number not in present:
            note(f"the class {name!r} has no strokes: no pixel will be of it")
    if len(present) < 2:
        raise BadInputError(
            "the strokes",
            f"are of the class {names[present[0] - 1]!r} only"
            if len(present)
            else "lie where the images are no numbers",
            "draw strokes of at least two classes",
        )
    forest, error = _train(x, y, seed, trees)
    return PixelClassifier(
        selection=selection,
        class_names=names,
        colors=tuple(colors) if colors else tuple(_color(n) for n in range(len(names))),
        labels=tuple(int(number) for number in present),
        n_channels=len(readers[0].channels),
        channel_names=readers[0].channel_names,
        is_3d=is_3d,
        forest=forest,
        intensities=measure_intensities(readers),
        error=error,
    )


def check_classes(class_names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the classes.

    Raises:
        BadInputError: fewer than two, too many, or one name twice.
    """
    names = tuple(class_names)
    if len(names) < 2:
        raise BadInputError(
            "the classes",
            f"are only {', '.join(names) or 'none'}",
            "name at least two: background,nucleus",
        )
    if len(names) > _MOST_CLASSES:
        raise BadInputError("the classes", f"are {len(names)}", f"name at most {_MOST_CLASSES}")
    if len({name.casefold() for name in names}) < len(names):
        raise BadInputError("the classes", "have one name twice", "name each once")
    return names


def _check_images(
    readers: Sequence[PlaneReader], strokes: Sequence[Strokes], selection: FeatureSelection
) -> bool:
    """Return whether the images are stacks.

    Raises:
        BadInputError: they, or their strokes, do not fit each other.
    """
    if not readers:
        raise BadInputError("the images", "are none", "give at least one")
    first = readers[0].image
    for reader, drawn in zip(readers, strokes, strict=True):
        image = reader.image
        source = str(image.path or image.name)
        sizes = tuple(image.size(axis) for axis in "TZYX")
        if drawn.blocks and drawn.shape != sizes:
            raise BadInputError(
                source,
                f"has {_times(sizes)} pixels (T × Z × Y × X), but its labels {_times(drawn.shape)}",
                "give the labels that were drawn in this image",
            )
        if len(reader.channels) != len(readers[0].channels):
            raise BadInputError(
                source,
                f"has {len(image.channels)} channels, but {first.path or first.name} has "
                f"{len(first.channels)}",
                "train on images with the same channels, or choose them with --channel",
            )
        if image.dtype != first.dtype:
            raise BadInputError(
                source,
                f"holds {image.dtype}, but {first.path or first.name} holds {first.dtype}",
                "train on images of one type",
            )
        is_same = (image.size("Z") > 1) == (first.size("Z") > 1)
        if not is_same and not all(in_2d for _, _, in_2d in selection.filters()):
            raise BadInputError(
                source,
                "is a plane, and other images are stacks, or the other way round",
                "choose --features 2d, or train on one of them",
            )
    return any(reader.image.size("Z") > 1 for reader in readers)


def _fit(
    selection: FeatureSelection, images: Sequence[Image], is_3d: bool, note: Note
) -> FeatureSelection:
    """Return the selection with those scales in 2D that are wider than a stack is deep."""
    for image in images if is_3d else ():
        shape = (image.size("Z"), image.height, image.width)
        selection, lines = fit_selection(selection, shape, str(image.path or image.name))
        for line in lines:
            note(f"{image.path or image.name}: {line}")
    for image in () if is_3d else images:
        fit_selection(selection, (1, image.height, image.width), str(image.path or image.name))
    return selection


Pixels = dict[tuple[int, int], tuple[NDArray[np.intp], NDArray[np.int64]]]
"""By time point and slice: rows and columns (n, 2) of labelled pixels, and their classes."""


def _choose_pixels(
    strokes: Sequence[Strokes], n_classes: int, images: Sequence[Image], seed: int, note: Note
) -> list[Pixels]:
    """Return the labelled pixels of each image; of very many, as many of each class in parts."""
    found: list[Pixels] = []
    total = 0
    for drawn, image in zip(strokes, images, strict=True):
        pixels: Pixels = {}
        for t, z, plane in drawn.planes():
            at = np.argwhere(plane)
            numbers = plane[at[:, 0], at[:, 1]].astype(np.int64)
            if len(numbers) and numbers.max() > n_classes:
                raise BadInputError(
                    str(image.path or image.name),
                    f"has labels of class {numbers.max()}, and {n_classes} classes are named",
                    "name as many --classes as there are labels",
                )
            pixels[t, z] = at, numbers
            total += len(numbers)
        found.append(pixels)
    if total <= _MOST_PIXELS:
        return found
    note(f"{total:,} pixels have labels; {_MOST_PIXELS:,} of them, chosen by chance, are used")
    rng = np.random.default_rng(seed)
    return [
        {plane: _thin(at, numbers, _MOST_PIXELS / total, rng) for plane, (at, numbers) in p.items()}
        for p in found
    ]


def _thin(
    at: NDArray[np.intp], numbers: NDArray[np.int64], part: float, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return a part of the labelled pixels of a plane; at least one of each class."""
    kept = np.zeros(len(numbers), bool)
    for number in np.unique(numbers):
        (where,) = np.nonzero(numbers == number)
        count = max(1, round(len(where) * part))
        kept[rng.choice(where, count, replace=False)] = True
    return at[kept], numbers[kept]


def _features_of(
    reader: PlaneReader, bank: FilterBank, pixels: Pixels
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Yield features (pixels, features) and classes of labelled pixels, tile by tile."""
    image = reader.image
    sizes = (image.size("Z"), image.height, image.width)
    for (t, z), (at, numbers) in sorted(pixels.items()):
        slices = with_halo((z, z + 1), bank.halo[0], sizes[0])
        reader.keep(t, slices)
        tiles = at // _TILE
        for row, column in product(*(np.unique(tiles[:, axis]).tolist() for axis in (0, 1))):
            inside = (tiles == (row, column)).all(axis=1)
            if not inside.any():
                continue
            rows, columns = at[inside, 0], at[inside, 1]
            spans: list[Span] = [
                (z, z + 1),
                (int(rows.min()), int(rows.max()) + 1),
                (int(columns.min()), int(columns.max()) + 1),
            ]
            around = [
                with_halo(span, halo, size)
                for span, halo, size in zip(spans, bank.halo, sizes, strict=True)
            ]
            z_keep, y_keep, x_keep = (
                slice(span[0] - outer[0], span[1] - outer[0])
                for span, outer in zip(spans, around, strict=True)
            )
            found = bank.compute(reader.block(t, around), (z_keep, y_keep, x_keep))
            yield found[:, 0, rows - spans[1][0], columns - spans[2][0]].T, numbers[inside]


def _train(
    x: NDArray[np.float32], y: NDArray[np.int64], seed: int, trees: int
) -> tuple[DecisionForest, float | None]:
    """Return the forest, and its out-of-bag error."""
    try:
        from sklearn.ensemble import RandomForestClassifier
    except ImportError as error:
        raise MissingPartError(
            "classify", "train a pixel classifier", error.name or "sklearn"
        ) from error
    forest: Any = RandomForestClassifier(
        trees, max_features="sqrt", oob_score=True, random_state=seed, n_jobs=cores()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pixels that each tree was trained on; counted below
        forest.fit(x, y)
    votes = np.asarray(forest.oob_decision_function_)
    voted = votes.sum(axis=1) > 0  # by a tree that was not trained on it
    wrong = forest.classes_[votes[voted].argmax(axis=1)] != y[voted]
    return DecisionForest.from_sklearn(forest), float(wrong.mean()) if len(wrong) else None


def _color(number: int) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(distinct_color(number)[1:])
    return red, green, blue


def _times(sizes: Sequence[int]) -> str:
    return " × ".join(map(str, sizes))
