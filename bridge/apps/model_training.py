"""Train a model on what people have: reviews in Fiji and QuPath, files, pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

from bridge.apps.training_pairs import collect_pairs
from bridge.errors import BadInputError
from bridge.model.folder import ModelFolder, open_model
from bridge.training.assembling import assemble, choose_steps, class_names, unlearnt_classes
from bridge.training.datasets.splitting import group_by_field
from bridge.training.learning.architecture import Architecture
from bridge.training.learning.comparing import mean_f1
from bridge.training.learning.loop import TrainingListener
from bridge.training.learning.settings import TrainingSettings
from bridge.training.learning.training import SilentListener, Trained, check_free, train_model
from bridge.training.pairs import TrainingPair
from bridge.training.rehearsal import OldDomain, fluorescence_domain, given_domain
from bridge.training.report.results import add_card
from bridge.training.sources import ReadOptions
from bridge.training.sources.options import Note, OnError, ignore_note

Source = str | PathLike[str]


def train(
    pairs: Source | Iterable[Source] | Iterable[TrainingPair],
    *,
    out: Source,
    start: Source | None = "demo",
    architecture: Architecture | None = None,
    options: ReadOptions | None = None,
    split_by: Sequence[str] = (),
    pattern: str | None = None,
    classes: bool | Sequence[str] = False,
    old: Source | None = None,
    rehearsal: bool = True,
    steps: int | None = None,
    settings: TrainingSettings | None = None,
    resume: bool = False,
    listener: TrainingListener | None = None,
    note: Note = ignore_note,
    on_error: OnError | None = None,
    qupath: Path | None = None,
    heap: str | None = None,
    command: str = "",
) -> Trained:
    """Train a StarDist 2D model on reviews, or on images with label images, and write its folder.

    Where the source says which images are for training, validation and tests, that counts; else
    some are held out to validate with. What a model of one channel could do before is rehearsed
    with fluorescence images. A model that is not better than its start is written as
    ``OUT.not-better``. :func:`bridge.training.learning.training.train_model` says more.

    Args:
        pairs: QuPath projects, review folders of ``starbridge fiji push``, folders or zips of
            images with label images, data sets of ``starbridge pairs``; or training pairs.
        out: the model folder to write; it must not exist yet.
        start: the model to go on from; ``None`` for random weights.
        architecture: the network, where there is no start.
        options: what is read of reviews and files; the percentiles are the model's.
        split_by: fields of the file names; images that agree in all of them are not divided.
        pattern: how file names carry fields; as :mod:`bridge.aggregate` reads them where ``None``.
        classes: names of the classes to tell apart; ``True``: those of the pairs; ``False``: those
            of the start.
        old: images with label images like those that the start was trained on, to be rehearsed; a
            review as well, read like ``pairs``.
        rehearsal: whether anything is rehearsed.
        steps: batches to learn from; chosen by the number of objects where ``None``.
        settings: all other settings of the training.
        resume: go on with a training that was stopped.
        listener: told how it goes.
        note: called with sentences for the user.
        on_error: called with the error of an image, which is left out; where ``None``, the first
            such error is raised.
        qupath: folder of QuPath, where a project is read.
        heap: memory of QuPath, likewise.
        command: the command that repeats the training, for the record.

    Returns:
        The result; its folder holds the model card ``README.md`` and ``card.html``, too.

    Raises:
        BadInputError: nothing to learn from, a folder in the way, pairs that do not fit the model.
        MissingPartError: StarDist or TensorFlow is not installed.
        QuPathError: QuPath does not start, or cannot read a project.

    >>> done = ReadOptions(inside=("Done",))
    >>> trained = train("REVIEW/", options=done, start="demo", out="BETTER")
    Traceback (most recent call last):
        ...
    bridge.errors.BadInputError: REVIEW: does not exist; ...
    """
    listener = listener or SilentListener()
    check_free(Path(out), resume=resume)
    model = None if start is None else open_model(start)
    percentiles = (
        model.recipe.percentiles if model else (architecture or Architecture()).percentiles
    )
    options = replace(options or ReadOptions(), percentiles=percentiles)
    listener.stage("reading images and objects")
    found = _read(pairs, options, note, on_error, qupath, heap)
    if split_by:
        found = group_by_field(found, split_by, *([pattern] if pattern else []))
    _check_channels(found, model)
    domain = OldDomain()
    if rehearsal and old is not None:
        domain = _given_domain(old, _read(old, options, note, on_error, qupath, heap), model)
    elif rehearsal:
        domain = _known_domain(model, note)
    assembled = assemble(found, domain)
    for line in assembled.notes:
        note(line)
    names = class_names(found) if classes is True else tuple(classes or ())
    known = names or (model.recipe.classes if model else ())
    if line := unlearnt_classes(found, known):
        note(line)
    data = assembled.data
    if steps is None:
        steps = choose_steps(data.pairs, from_nothing=model is None)
        objects = sum(pair.count for pair in data.pairs)
        note(f"{steps:,} steps for {objects:,} objects in {len(data.pairs):,} images")
    trained = train_model(
        data,
        out,
        start=start,
        architecture=architecture,
        classes=names,
        settings=replace(settings or TrainingSettings(), steps=steps),
        resume=resume,
        listener=listener,
        command=command,
    )
    if not mean_f1(trained.record.comparisons[0].after):
        note("the model finds nothing right yet: it needs more --steps, or more objects")
    listener.stage("writing the model card")
    add_card(trained)
    return trained


def _read(
    pairs: Source | Iterable[Source] | Iterable[TrainingPair],
    options: ReadOptions,
    note: Note,
    on_error: OnError | None,
    qupath: Path | None,
    heap: str | None,
) -> list[TrainingPair]:
    """Read the sources among the pairs; those that are pairs already stay as they are."""
    given = [pairs] if isinstance(pairs, str | PathLike) else list(pairs)
    ready = [pair for pair in given if isinstance(pair, TrainingPair)]
    sources = [source for source in given if not isinstance(source, TrainingPair)]
    if not sources:
        return ready
    read = collect_pairs(sources, options, note=note, on_error=on_error, qupath=qupath, heap=heap)
    return [*ready, *read]


def _check_channels(pairs: Sequence[TrainingPair], model: ModelFolder | None) -> None:
    """Refuse images of other channels before anything is rehearsed or divided."""
    if model is None:
        return
    for pair in pairs:
        if (channels := pair.image.shape[-1]) != model.n_channels:
            raise BadInputError(
                pair.source or pair.name,
                f"has {channels} channels, and {model.name} takes {model.n_channels}",
                f"choose {model.n_channels} with --channel, or train from nothing with --new",
            )


def _given_domain(
    old: Source, pairs: Sequence[TrainingPair], model: ModelFolder | None
) -> OldDomain:
    """Return the old domain that a user names."""
    if not pairs:
        raise BadInputError(
            old, "has no image to rehearse", "make a data set of it: starbridge pairs"
        )
    _check_channels(pairs, model)
    return given_domain(pairs, f"pairs of {Path(old).name}")


def _known_domain(model: ModelFolder | None, note: Note) -> OldDomain:
    """Return what a model learnt before, as far as it can be known."""
    if model is None:
        return OldDomain()
    if model.n_channels == 1:
        return fluorescence_domain()
    note(
        f"nothing is rehearsed, as {model.name} takes {model.n_channels} channels; --old names "
        "images that it was trained on"
    )
    return OldDomain()
