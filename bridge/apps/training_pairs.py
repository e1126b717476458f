"""Read training pairs from whatever people have: reviews in Fiji and QuPath, and files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Literal

from bridge.apps.fiji.review_files import reviewed_names
from bridge.apps.fiji.training_pairs import is_review_folder, read_review_folder
from bridge.apps.qupath.project_files import read_project
from bridge.apps.qupath.training_pairs import (
    is_project,
    names_of_images,
    read_project_pairs,
)
from bridge.errors import BadInputError, StarbridgeError
from bridge.training.pairs import TrainingPair
from bridge.training.sources import ReadOptions, read_pairs
from bridge.training.sources.options import Note, OnError, ignore_note

Kind = Literal["QuPath project", "review folder", "files"]


def kind_of(source: str | PathLike[str]) -> Kind:
    """Return what a review is, by what lies there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "project.qpproj").write_text("{}")
    ...     kind_of(folder)
    'QuPath project'
    """
    place = Path(source)
    if is_project(place):
        return "QuPath project"
    return "review folder" if is_review_folder(place) else "files"


def read_training_pairs(
    source: str | PathLike[str],
    options: ReadOptions | None = None,
    *,
    note: Note = ignore_note,
    on_error: OnError | None = None,
    qupath: Path | None = None,
    heap: str | None = None,
) -> Iterator[TrainingPair]:
    """Read the training pairs of a review, or of files.

    Args:
        source: a QuPath project, a review folder of ``starbridge fiji push``, or anything that
            :func:`bridge.training.sources.read_pairs` takes.
        options: what is read.
        note: called with sentences for the user.
        on_error: called with the error of an image, which is left out; where ``None``, the first
            such error is raised.
        qupath: folder of QuPath, where a project is read.
        heap: memory of QuPath, likewise.

    Yields:
        The pairs.

    Raises:
        BadInputError: a review in which nothing is finished, and as
            :func:`bridge.training.sources.read_pairs`.
        QuPathError: QuPath does not start, or cannot read the project.

    >>> pairs = read_training_pairs("review/", ReadOptions(inside=("Done",)))
    """
    place, options = Path(source), options or ReadOptions()
    kind = kind_of(place)
    if kind == "QuPath project":
        return read_project_pairs(
            place, options, note=note, on_error=on_error, app=qupath, heap=heap
        )
    read = read_review_folder if kind == "review folder" else read_pairs
    return read(place, options, note=note, on_error=on_error)


def collect_pairs(
    sources: Sequence[str | PathLike[str]],
    options: ReadOptions | None = None,
    *,
    note: Note = ignore_note,
    on_error: OnError | None = None,
    qupath: Path | None = None,
    heap: str | None = None,
) -> list[TrainingPair]:
    """Read the training pairs of several reviews, each under a name of its own.

    Images of one name in two reviews are one group, since they may be the same image; not so where
    both reviews say whether they are for training or for tests.

    Args:
        sources: as in :func:`read_training_pairs`.
        options: what is read; ``done`` names images of any of the sources.
        note: called with sentences for the user.
        on_error: as in :func:`read_training_pairs`; a source that cannot be read at all does not
            stop the others, either.
        qupath: folder of QuPath.
        heap: memory of QuPath.

    Raises:
        BadInputError: as :func:`read_training_pairs`.
    """
    options = options or ReadOptions()
    places = [Path(source) for source in sources]
    known = [_image_names(place) for place in places]
    unknown = [name for name in options.done if not any(name in there for there in known)]
    if unknown:
        raise BadInputError("--done", f"no review has an image {unknown[0]!r}", "check the name")
    pairs: list[TrainingPair] = []
    names: set[str] = set()
    divided: dict[str, int] = {}
    for number, place in enumerate(places):
        here = tuple(name for name in options.done if name in known[number])
        try:
            for pair in read_training_pairs(
                place,
                replace(options, done=here),
                note=note,
                on_error=on_error,
                qupath=qupath,
                heap=heap,
            ):
                name = unused_name(pair.name, names)
                names.add(name.casefold())
                group = pair.group
                if pair.split and divided.setdefault(group, number) != number:
                    group = f"{group} ({number + 1})"
                pairs.append(replace(pair, name=name, group=group))
        except StarbridgeError as error:
            if on_error is None:
                raise
            on_error(error)
    return pairs


def _image_names(place: Path) -> set[str]:
    """Return the names by which ``done`` may name a review's images."""
    if is_project(place):
        return {name for names in names_of_images(read_project(place)).values() for name in names}
    return set(reviewed_names(place)) if is_review_folder(place) else set()


def unused_name(name: str, taken: Collection[str]) -> str:
    """Return a name, with a number where it is taken.

    Args:
        name: the name.
        taken: names in lower case, as Windows does not tell A.tif from a.tif.

    >>> unused_name("A", {"a", "a_2"})
    'A_3'
    """
    if name.casefold() not in taken:
        return name
    numbers = iter(range(2, 10**9))
    return next(other for n in numbers if (other := f"{name}_{n}").casefold() not in taken)
