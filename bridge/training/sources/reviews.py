"""Make training pairs of one reviewed image, whatever application it was reviewed in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.training.cutting import trim
from bridge.training.pairs import TrainingPair
from bridge.training.sources.options import Note, ReadOptions, ignore_note
from bridge.training.sources.planes import choose_plane, read_channels
from bridge.training.sources.reviewed import draw_reviewed, select_training_objects


def is_done(
    name: str, options: ReadOptions, *, marked: bool = False, aliases: tuple[str, ...] = ()
) -> bool:
    """Return whether an image was reviewed as a whole.

    Args:
        name: the image's name.
        options: names of images, or all.
        marked: the reviewer marked it as done.
        aliases: other names of the image.

    >>> is_done("a", ReadOptions(done=("a",))), is_done("b", ReadOptions(done=("a",)))
    (True, False)
    """
    return options.everything or marked or any(n in options.done for n in (name, *aliases))


def review_pairs(
    image: Any,
    detections: Detections,
    options: ReadOptions,
    *,
    name: str,
    source: str,
    whole: bool,
    is_typed: bool = True,
    note: Note = ignore_note,
) -> Iterator[TrainingPair]:
    """Yield the pairs of one reviewed image: one for each plane that has a finished region.

    Args:
        image: a :class:`bridge.training.sources.planes.PlaneSource`.
        detections: its objects as the reviewer left them, in the image's pixels.
        options: what is read.
        name: name of the pair.
        source: as of :class:`bridge.training.pairs.TrainingPair`; errors name it, too.
        whole: the image was reviewed as a whole (:func:`is_done`).
        is_typed: as in :func:`bridge.training.sources.reviewed.select_training_objects`.
        note: called with sentences for the user.

    Yields:
        The pairs; none where nothing was reviewed.

    Raises:
        BadInputError: a stack that was reviewed as a whole, and no plane is chosen; the image
            cannot be read, or is smaller than its objects say.
    """
    size = (detections.image.width, detections.image.height)
    if size[0] and size != (image.width, image.height):
        raise BadInputError(
            source,
            f"is {image.width} x {image.height} px, and was {size[0]} x {size[1]} px when it was "
            "reviewed",
            "bring back the image that was reviewed",
        )
    selected = select_training_objects(detections.objects, options, is_typed=is_typed)
    sizes = image.size("Z"), image.size("T")
    regions = selected.regions
    if whole:
        planes = [choose_plane(sizes, options, source)]
    else:
        there = {*zip(regions["z"].tolist(), regions["t"].tolist(), strict=True)}
        planes = sorted(
            (z, t) for z, t in there if options.z in (None, z) and options.t in (None, t)
        )
    if planes:
        for line in selected.notes:
            note(f"{source}: {line}")
    for z, t in planes:
        objects, finished = (
            frame[(frame["z"] == z) & (frame["t"] == t)] for frame in (selected.objects, regions)
        )
        drawn = draw_reviewed(
            objects, (image.height, image.width), regions=None if whole else finished
        )
        for line in drawn.notes:
            note(f"{source}: {line}")
        ending = (f"_z{z}" if sizes[0] > 1 else "") + (f"_t{t}" if sizes[1] > 1 else "")
        pair = TrainingPair(
            name=name + ending,
            image=read_channels(image, options, (z, t), source),
            labels=drawn.labels,
            classes=drawn.classes,
            source=source,
            group=name,
        )
        if pair.reviewed:
            yield trim(pair, options.percentiles)


def refuse_unreviewed(source: str, options: ReadOptions) -> BadInputError:
    """Return the error of a review in which nothing is finished."""
    wanted = " or ".join(options.inside)
    problem = "is a review without a finished region"
    return BadInputError(
        source,
        f"{problem} of the class {wanted}" if wanted else problem,
        "draw a region around what is finished, give it a class, and name that: --inside CLASS; "
        "or name images that are finished: --done IMAGE, or take all: --all",
    )
