"""Check a whole set of training pairs before anything is learned from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from bridge.errors import BadInputError
from bridge.training.pairs import TrainingPair


def check_pairs(pairs: Sequence[TrainingPair]) -> list[str]:
    """Check that a set of pairs can be learned from.

    Args:
        pairs: all pairs that take part, of training, validation and test.

    Returns:
        Sentences for the user.

    Raises:
        BadInputError: no pair, two pairs of one name, a single object in all, channels that differ
            in number, or an image that is there twice with different labels.

    >>> pairs = [TrainingPair(name=name, image=np.full((4, 4), n), labels=np.eye(4, dtype=int),
    ...                       classes={1: "a"}) for n, name in enumerate("xy")]
    >>> check_pairs(pairs)
    []
    """
    if not pairs:
        raise BadInputError("training", "there is no pair", "give images with objects")
    _check_names(pairs)
    channels = {pair.image.shape[-1]: pair for pair in reversed(pairs)}
    if len(channels) > 1:
        (n, one), (m, other) = sorted(channels.items())[:2]
        raise BadInputError(
            other.source or other.name,
            f"has {m} channels, and {one.source or one.name} has {n}",
            "choose the same with --channel, or give --grey",
        )
    if (objects := sum(pair.count for pair in pairs)) < 2:
        raise BadInputError(
            "training",
            f"there is {'one object' if objects else 'no object'} in all {len(pairs)} images",
            "give label images in which each object has its own number",
        )
    return [*_same_images(pairs), *_rare_classes(pairs)]


def _check_names(pairs: Sequence[TrainingPair]) -> None:
    seen: dict[str, TrainingPair] = {}
    for pair in pairs:
        first = seen.setdefault(pair.name.casefold(), pair)
        if first is not pair:
            raise BadInputError(
                pair.source or pair.name,
                f"is called {pair.name}, and so is {first.source or first.name}",
                "rename one of them",
            )


def _same_images(pairs: Sequence[TrainingPair]) -> list[str]:
    """Refuse an image that is there twice with different labels; name those with the same."""
    first: dict[str, TrainingPair] = {}
    notes = []
    for pair in pairs:
        same = first.setdefault(pair.content_hash, pair)
        if same is pair:
            continue
        if pair.image.max() == pair.image.min():
            continue  # blank images are equal without being the same
        if not np.array_equal(same.labels, pair.labels):
            raise BadInputError(
                pair.source or pair.name,
                f"has the pixels of {same.source or same.name}, and other labels",
                "keep the right one of the two",
            )
        notes.append(f"{pair.source or pair.name}: is the same image as {same.source or same.name}")
    return notes


def _rare_classes(pairs: Sequence[TrainingPair]) -> list[str]:
    groups: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        for kind in pair.classes.values():
            groups[kind].add(pair.group)
    if len({pair.group for pair in pairs}) < 2:
        return []
    return [
        f"the class {kind} is in one image only ({next(iter(there))}), so that nothing can be "
        "tested on it"
        for kind, there in sorted(groups.items())
        if len(there) == 1
    ]
