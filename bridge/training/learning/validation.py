"""Choice of the training pairs that are held out to validate with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bridge.errors import BadInputError
from bridge.training.pairs import IGNORED, TrainingPair

_SHARE = 0.15
_FEW = 8


@dataclass(frozen=True)
class HeldOut:
    """Training pairs, and those that validate.

    Attributes:
        trained: pairs that patches are drawn from.
        validated: pairs that nothing is learnt from.
        about: how they were divided, in words.
    """

    trained: tuple[TrainingPair, ...]
    validated: tuple[TrainingPair, ...]
    about: str


def hold_out(pairs: Sequence[TrainingPair], seed: int) -> HeldOut:
    """Hold pairs out to validate with: whole images, or a quarter of each where there are few.

    Regions of one image (:attr:`TrainingPair.group`) stay together. Which ones are held out follows
    from the names and the seed, not from the order.

    Args:
        pairs: all pairs; images that are held out have objects.
        seed: another one holds out others.

    Raises:
        BadInputError: there is no object to learn from.

    >>> labels = np.tile(np.repeat(np.arange(9), 4), (9, 1))
    >>> pair = TrainingPair(name="a", image=np.zeros((9, 36)), labels=labels)
    >>> held = hold_out([pair], seed=1)
    >>> held.trained[0].count, held.validated[0].count
    (6, 2)
    """
    count = sum(pair.count for pair in pairs)
    if count < 2:
        raise BadInputError(
            "training pairs",
            f"have {'one object' if count else 'no object'} in all",
            "a network learns from about a hundred: review more nuclei",
        )
    groups: dict[str, list[TrainingPair]] = {}
    for pair in pairs:
        groups.setdefault(pair.group, []).append(pair)
    with_objects = [name for name, members in groups.items() if any(p.count for p in members)]
    if len(with_objects) < _FEW:
        return _by_quarters(pairs)
    order = sorted(with_objects, key=lambda name: _draw(name, seed))
    held = set(order[: max(1, round(_SHARE * len(order)))])
    return HeldOut(
        tuple(pair for pair in pairs if pair.group not in held),
        tuple(pair for pair in pairs if pair.group in held),
        f"{len(held)} of {len(groups)} images validate",
    )


def _by_quarters(pairs: Sequence[TrainingPair]) -> HeldOut:
    """Validate with the quarter of each pair that holds about a quarter of its objects."""
    trained, validated = [], []
    for pair in pairs:
        if not pair.count:
            trained.append(pair)
            continue
        axis = int(np.argmax(pair.labels.shape))
        cut = _cut_position(pair.labels, axis)
        first, last = pair.labels.copy(), pair.labels.copy()
        view_first, view_last = np.moveaxis(first, axis, 0), np.moveaxis(last, axis, 0)
        # an object on the border belongs to the side that holds more of it
        numbers, pixels = np.unique(pair.labels[pair.labels > 0], return_counts=True)
        head = np.moveaxis(pair.labels, axis, 0)[:cut]
        positions = np.searchsorted(numbers, head[head > 0])  # numbers may have gaps
        before = np.bincount(positions, minlength=len(numbers))
        is_first = 2 * before >= pixels
        of_first = np.isin(pair.labels, numbers[is_first])
        of_last = np.isin(pair.labels, numbers[~is_first])
        view_first[cut:], view_last[:cut] = IGNORED, IGNORED
        first[of_first], first[of_last] = pair.labels[of_first], IGNORED
        last[of_last], last[of_first] = pair.labels[of_last], IGNORED
        trained.append(replace(pair, labels=first))
        validated.append(replace(pair, labels=last))
    if not any(pair.count for pair in validated):
        raise BadInputError(
            "training pairs",
            "have so few objects that none is left to validate with",
            "review more nuclei, or give images for the validation, in a folder val",
        )
    return HeldOut(
        tuple(trained), tuple(validated), "a quarter of each image validates, as there are few"
    )


def _cut_position(labels: np.ndarray, axis: int) -> int:
    """Return the position along an axis before which three quarters of the objects' pixels lie."""
    along = np.cumsum((labels > 0).sum(axis=1 - axis))
    return int(np.clip(np.searchsorted(along, 0.75 * along[-1]), 1, len(along) - 1))


def _draw(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode()).digest()
