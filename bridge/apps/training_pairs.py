"""Read training pairs from whatever people have: reviews in Fiji and QuPath, and files."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Literal

from bridge.apps.fiji.training_pairs import is_review_folder, read_review_folder
from bridge.apps.qupath.training_pairs import is_project, read_project_pairs
from bridge.train.pairs import TrainingPair
from bridge.train.sources import ReadOptions, read_pairs
from bridge.train.sources.options import Note, OnError, ignore_note

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
            :func:`bridge.train.sources.read_pairs` takes.
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
            :func:`bridge.train.sources.read_pairs`.
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
