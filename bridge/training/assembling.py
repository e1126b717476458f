"""Turn pairs into the data of a training: what is learnt, what judges, what is rehearsed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bridge.errors import BadInputError
from bridge.training.data import TrainingData
from bridge.training.datasets.splitting import split_pairs
from bridge.training.pairs import TrainingPair
from bridge.training.rehearsal import OldDomain
from bridge.training.sources import check_pairs

_STEPS_AT = 100  # objects for which the fewest steps suffice
_FEWEST, _MOST = 700, 4000
_FROM_NOTHING = 20  # random weights need so many times the steps
_MOST_FROM_NOTHING = 40_000


@dataclass(frozen=True)
class Assembled:
    """The data of a training, and what a user should know of them.

    Attributes:
        data: the pairs by what they are for.
        notes: sentences for the user.
    """

    data: TrainingData
    notes: tuple[str, ...] = ()


def assemble(pairs: Sequence[TrainingPair], old: OldDomain | None = None) -> Assembled:
    """Divide pairs by what their sources say they are for, and add what is rehearsed.

    Pairs of which no source says anything are learnt from, unless they are of an image that
    validates or tests. Images of the old domain that are among the pairs are left out of it.

    Args:
        pairs: all that was read.
        old: the old domain.

    Raises:
        BadInputError: pairs from which nothing can be learnt, or an image in two parts.

    >>> labels = np.kron(np.arange(4).reshape(2, 2), np.ones((8, 8), int))
    >>> pairs = [TrainingPair(name=name, image=labels + n, labels=labels, split=split)
    ...          for n, (name, split) in enumerate([("a", ""), ("b", "val")])]
    >>> data = assemble(pairs).data
    >>> [pair.name for pair in data.pairs], [pair.name for pair in data.validation]
    (['a'], ['b'])
    """
    notes = list(check_pairs(pairs))
    found = split_pairs(pairs, (1.0, 0.0, 0.0))
    train, validation, test = found.train, found.val, found.test
    if not train:
        raise BadInputError(
            "training",
            "has no image to learn from: all of them are for validation or tests",
            "give images for the training, too",
        )
    if validation and not any(pair.count for pair in validation):
        notes.append("the images for validation have no objects: others are held out")
        train, validation = [*train, *validation], []
    if test and not any(pair.count for pair in test):
        notes.append("the images for tests have no objects: they are left out")
        test = []
    divided = "as the images were divided before" if validation else ""
    old, left_out = _without(old or OldDomain(), pairs)
    if left_out:
        notes.append(f"{left_out} of the old images are among the new ones: they are not rehearsed")
    data = TrainingData(pairs=train, validation=validation, test=test, old=old, divided=divided)
    return Assembled(data, tuple(notes))


def class_names(pairs: Sequence[TrainingPair]) -> tuple[str, ...]:
    """Return the classes of the objects, in alphabetical order.

    Raises:
        BadInputError: no object has a class.

    >>> pair = TrainingPair(name="a", image=np.eye(9), labels=np.eye(9, dtype=int),
    ...                     classes={1: "glia"})
    >>> class_names([pair])
    ('glia',)
    """
    names = {name for pair in pairs for name in pair.classes.values()}
    if not names:
        raise BadInputError("--classes", "no object has a class", "leave it out")
    return tuple(sorted(names))


def unlearnt_classes(pairs: Sequence[TrainingPair], known: Sequence[str]) -> str:
    """Return a sentence on classes of the objects that a model does not tell apart, or ``""``.

    Args:
        pairs: the pairs.
        known: the model's classes.
    """
    names = sorted({name for pair in pairs for name in pair.classes.values()} - set(known))
    if not names:
        return ""
    what = f"class {names[0]} is" if len(names) == 1 else f"classes {', '.join(names)} are"
    return f"the {what} not learnt; with --classes the model tells the review's classes apart"


def choose_steps(pairs: Sequence[TrainingPair], *, from_nothing: bool = False) -> int:
    """Return a number of steps that suits the data.

    It grows with the square root of the number of objects: 700 steps for a hundred and fewer, at
    most 4,000. Fewer forget more: a model has to learn what it rehearses anew, too. Random weights
    need many more.

    Args:
        pairs: the pairs to learn from.
        from_nothing: whether the weights are random.

    >>> pair = TrainingPair(name="a", image=np.eye(9), labels=np.eye(9, dtype=int))
    >>> choose_steps([pair]), choose_steps([pair], from_nothing=True)
    (700, 14000)
    """
    objects = sum(pair.count for pair in pairs)
    steps = float(np.clip(_FEWEST * np.sqrt(objects / _STEPS_AT), _FEWEST, _MOST))
    if from_nothing:
        steps = min(_FROM_NOTHING * steps, _MOST_FROM_NOTHING)
    return int(round(steps / 50) * 50)


def _without(old: OldDomain, pairs: Sequence[TrainingPair]) -> tuple[OldDomain, int]:
    """Leave out old images that are new ones: a model is not tested on what it rehearses."""
    new = {pair.content_hash for pair in pairs}
    trained = tuple(pair for pair in old.trained if pair.content_hash not in new)
    checked = tuple(pair for pair in old.checked if pair.content_hash not in new)
    left_out = len(old.trained) + len(old.checked) - len(trained) - len(checked)
    if not left_out:
        return old, 0
    return replace(old, trained=trained, checked=checked), left_out
