"""Apply models to images whose objects are known, and score what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError, StarbridgeError, internal_error
from bridge.training.evaluation.applying import apply_model, load_models, model_names
from bridge.training.evaluation.given_results import GivenResults
from bridge.training.evaluation.mistakes import Mistakes, find_faint, find_mistakes
from bridge.training.evaluation.scoring import (
    IOUS,
    Overlap,
    Score,
    find_overlap,
    pool_scores,
    size_bounds,
)
from bridge.training.pairs import TrainingPair

if TYPE_CHECKING:
    from bridge.segment.segmenter import Segmenter
    from bridge.training.sources.options import OnError


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageScore:
    """Agreement of a model with the truth in an image.

    Attributes:
        name: of the image.
        source: its file.
        group: as in :class:`bridge.training.pairs.TrainingPair`.
        overlap: overlaps of the found with the true objects.
        is_faint: (n,) which true objects are faint, by
            :func:`bridge.training.evaluation.mistakes.find_faint`; ``None`` where it is not known.
    """

    name: str
    overlap: Overlap
    source: str = ""
    group: str = ""
    is_faint: NDArray[np.bool_] | None = None

    def mistakes(self, iou: float = 0.5) -> Mistakes:
        """Return what became of the missed objects at one overlap."""
        return find_mistakes(self.overlap, iou, self.is_faint)


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """Agreement of a model with the truth in several images.

    Attributes:
        model: name of the model.
        images: the agreement in each image, in the order of the images.
        ious: least overlaps of a match that are reported.

    >>> truth = np.eye(9, dtype=int)
    >>> images = (ImageScore(name="a", overlap=find_overlap(truth, truth)),)
    >>> Evaluation(model="demo", images=images, ious=(0.5,)).scores[0].f1
    1.0
    """

    model: str
    images: tuple[ImageScore, ...]
    ious: tuple[float, ...] = IOUS

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """A score for each overlap, all objects of all images together."""
        return pool_scores((image.overlap for image in self.images), self.ious)

    def score(self, iou: float = 0.5) -> Score:
        """Return the score at one overlap, all objects together."""
        return pool_scores((image.overlap for image in self.images), (iou,))[0]

    def mistakes(self, iou: float = 0.5, group: str | None = None) -> Mistakes:
        """Return what became of the missed objects of all images, or of a group of them."""
        parts = (
            image.mistakes(iou)
            for image in self.images
            if group is None or (image.group or image.name) == group
        )
        return sum(parts, Mistakes(iou=iou))

    @cached_property
    def groups(self) -> dict[str, tuple[Score, ...]]:
        """Scores of each group of images; empty where every image is a group of its own."""
        members: dict[str, list[Overlap]] = {}
        for image in self.images:
            members.setdefault(image.group or image.name, []).append(image.overlap)
        if len(members) in (1, len(self.images)):
            return {}
        return {name: pool_scores(overlaps, self.ious) for name, overlaps in members.items()}

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """Terciles of the true objects' equivalent diameters, pixels."""
        return size_bounds(image.overlap for image in self.images)

    def sizes(self, iou: float = 0.5) -> tuple[Score, ...]:
        """Return the scores of small, medium and large objects.

        The classes are divided by :attr:`bounds`: those of the images, so that they are the same
        for all models.
        """
        parts = [image.overlap.score_sizes(self.bounds, iou) for image in self.images]
        empty = tuple(Score(iou=iou) for _ in range(3))
        return tuple(sum(scores, start) for start, *scores in zip(empty, *parts, strict=True))


OnImage = Callable[[int, TrainingPair, ImageScore, NDArray[Any]], None]
"""Called with a model's number (from 0), an image, its score and the found labels."""


@overload
def evaluate(
    models: str | PathLike[str] | Segmenter | GivenResults,
    pairs: str | PathLike[str] | Iterable[TrainingPair],
    *,
    ious: Sequence[float] = ...,
    on_image: OnImage | None = ...,
    on_error: OnError | None = ...,
) -> Evaluation: ...


@overload
def evaluate(
    models: list[Any] | tuple[Any, ...],
    pairs: str | PathLike[str] | Iterable[TrainingPair],
    *,
    ious: Sequence[float] = ...,
    on_image: OnImage | None = ...,
    on_error: OnError | None = ...,
) -> tuple[Evaluation, ...]: ...


def evaluate(
    models: str | PathLike[str] | Segmenter | GivenResults | list[Any] | tuple[Any, ...],
    pairs: str | PathLike[str] | Iterable[TrainingPair],
    *,
    ious: Sequence[float] = IOUS,
    on_image: OnImage | None = None,
    on_error: OnError | None = None,
) -> Evaluation | tuple[Evaluation, ...]:
    """Apply models to images whose objects are known, and score what they find.

    Each model is applied with its own recipe; folders of results are scored as they are, whatever
    made them. Of pairs that are read one by one, one is in memory at a time.

    Args:
        models: a model (``demo``, a folder, a name, a zip, a loaded
            :class:`bridge.Segmenter`) or a folder of results, or several, to be compared on the
            same images.
        pairs: images with the labels of their objects; or a folder of them, as
            :func:`bridge.training.sources.read_pairs` reads it.
        ious: least overlaps (intersection over union) of a match.
        on_image: called after each model has been applied to an image.
        on_error: called with the error of an image, which is left out for all models; where
            ``None``, the first such error is raised.

    Returns:
        The agreement of the model with the truth; of several models one each, in their order.

    Raises:
        BadInputError: a model that cannot be used, no image at all, or an image that cannot be
            segmented.

    >>> disc = (np.hypot(*np.mgrid[-32:32, -32:32]) < 8).astype(int)
    >>> pair = TrainingPair(name="a", image=1000.0 * disc, labels=disc)
    >>> evaluate("demo", [pair]).score(0.5).f1
    1.0
    """
    is_one = not isinstance(models, list | tuple)
    segmenters = load_models(models if isinstance(models, list | tuple) else [models])
    if isinstance(pairs, str | PathLike):
        pairs = _read(pairs, on_error)
    names = model_names(segmenters)
    found: list[list[ImageScore]] = [[] for _ in segmenters]
    for pair in pairs:
        try:
            labels = [_find(segmenter, pair) for segmenter in segmenters]
        except StarbridgeError as error:
            if on_error is None:
                raise
            on_error(error)
            continue
        is_faint = find_faint(pair.image, pair.labels)
        for number, (drawn, probabilities) in enumerate(labels):
            score = ImageScore(
                name=pair.name,
                source=pair.source,
                group=pair.group,
                overlap=find_overlap(pair.labels, drawn, probabilities),
                is_faint=is_faint,
            )
            found[number].append(score)
            if on_image is not None:
                on_image(number, pair, score, drawn)
    if not found or not found[0]:
        raise BadInputError(
            "pairs", "hold no image to evaluate with", "give images and their label images"
        )
    results = tuple(
        Evaluation(model=name, images=tuple(scores), ious=tuple(ious))
        for name, scores in zip(names, found, strict=True)
    )
    return results[0] if is_one else results


def microscope_pair() -> TrainingPair:
    """Return StarDist's own test image with its hand-made mask.

    512 x 512 pixels with 125 nuclei, from the 2018 Data Science Bowl.

    Raises:
        MissingPartError: the package ``stardist``, in which it comes, is not installed.

    >>> microscope_pair().count
    125
    """
    from bridge.examples.microscope_image import read_microscope_image, read_microscope_mask

    return TrainingPair(
        name="StarDist's test image",
        image=read_microscope_image(),
        labels=read_microscope_mask().astype(np.int32),
    )


def _find(
    model: Segmenter | GivenResults, pair: TrainingPair
) -> tuple[NDArray[Any], dict[int, float]]:
    """Find the objects of a pair: their label image, and their probabilities by label."""
    source = pair.source or pair.name
    try:
        if isinstance(model, GivenResults):
            return model.find(pair)
        detections = apply_model(model, pair)
        frame = detections.objects
        probabilities = dict(zip(frame["label"].tolist(), frame["prob"].tolist(), strict=True))
        return detections.to_labels(), probabilities
    except StarbridgeError as error:
        if isinstance(error, BadInputError) and error.source != source:
            raise BadInputError(source, f"{error.source}: {error.problem}", error.remedy) from error
        raise
    except Exception as error:
        raise internal_error(source, "evaluated", error) from error


def _read(folder: str | PathLike[str], on_error: OnError | None) -> Iterable[TrainingPair]:
    from bridge.training.sources import read_pairs

    return read_pairs(folder, on_error=on_error)
