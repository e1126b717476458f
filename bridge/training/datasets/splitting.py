"""Divide pairs into training, validation and test, so that nothing is tested on what was learned.

Pairs of one group, such as regions of one image, always stay together, and so do images of equal
pixels.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePath

from bridge.errors import BadInputError
from bridge.formats.naming import PUBLISHED_PATTERN, NamePattern, base_name
from bridge.training.pairs import TrainingPair
from bridge.training.sources.options import ANY_SPLIT

SHARES = (0.8, 0.1, 0.1)
"""Shares of training, validation and test."""

_NUMBER = re.compile(r" \(\d+\)$")


@dataclass(frozen=True)
class Split:
    """Pairs, each with its part of the data set in ``split``.

    Attributes:
        pairs: in the order in which they were given.
        notes: sentences for the user.
    """

    pairs: tuple[TrainingPair, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def train(self) -> list[TrainingPair]:
        """Pairs to learn from."""
        return self.part("train")

    @cached_property
    def val(self) -> list[TrainingPair]:
        """Pairs by which thresholds and the best weights are chosen."""
        return self.part("val")

    @cached_property
    def test(self) -> list[TrainingPair]:
        """Pairs that nothing is chosen by."""
        return self.part("test")

    def part(self, name: str) -> list[TrainingPair]:
        """Return the pairs of one part: ``train``, ``val`` or ``test``."""
        return [pair for pair in self.pairs if pair.split == name]


def parse_shares(text: str) -> tuple[float, float, float]:
    """Parse the option ``--split``: shares of training, validation and, if wanted, test.

    Raises:
        BadInputError: not one to three numbers from 0 up, none of them for training.

    >>> parse_shares("0.8,0.2"), parse_shares("8, 1, 1")
    ((0.8, 0.2, 0.0), (0.8, 0.1, 0.1))
    """
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    sound = 1 <= len(numbers) <= len(ANY_SPLIT) and all(
        math.isfinite(number) and number >= 0 for number in numbers
    )
    if not sound or numbers[0] <= 0:
        raise BadInputError(
            "--split", f"{text!r} is no split", "give shares as in 0.8,0.1,0.1: training first"
        )
    train, val, test = (number / sum(numbers) for number in [*numbers, 0.0, 0.0][:3])
    return train, val, test


def group_by_field(
    pairs: Sequence[TrainingPair], fields: Sequence[str], pattern: str = PUBLISHED_PATTERN
) -> list[TrainingPair]:
    """Group pairs by fields of their images' names, such as the organoid.

    Args:
        pairs: the pairs.
        fields: names of fields; pairs that agree in all of them are one group.
        pattern: how names carry fields, as :meth:`bridge.formats.naming.NamePattern.parse` takes
            it.

    Raises:
        BadInputError: no such field in the pattern, or a name that does not fit it.

    >>> import numpy as np
    >>> pairs = [TrainingPair(name=f"Pa_{o}_{s}", image=np.eye(2), labels=np.eye(2, dtype=int))
    ...          for o in ("OG1", "OG2") for s in ("s1", "s2")]
    >>> grouped = group_by_field(pairs, ["organoid"], "{clone}_{organoid}_{slice}")
    >>> [pair.group for pair in grouped]
    ['OG1', 'OG1', 'OG2', 'OG2']
    """
    parsed = NamePattern.parse(pattern)
    wanted = [field.strip().lower() for field in fields]
    for field in wanted:
        if field not in parsed.fields:
            raise BadInputError(
                "--split-by",
                f"there is no field {field!r} in {pattern}",
                f"choose from {', '.join(parsed.fields)}, or give --pattern",
            )
    grouped = []
    for pair in pairs:
        # the number is of a second image of this name
        names = (base_name(_NUMBER.sub("", pair.group)), base_name(PurePath(pair.source).name))
        found = next((match for name in names if (match := parsed.match(name))), None)
        if found is None:
            raise BadInputError(
                pair.source or pair.name,
                f"has a name that does not fit {pattern}",
                "give --pattern, or leave out --split-by",
            )
        grouped.append(replace(pair, group=" ".join(found[field] for field in wanted)))
    return grouped


def split_pairs(
    pairs: Sequence[TrainingPair],
    shares: tuple[float, float, float] = SHARES,
    *,
    seed: int = 0,
    anew: bool = False,
) -> Split:
    """Divide pairs by their groups, by chance and yet always alike.

    Args:
        pairs: the pairs, in any order: each is put into the same part whatever the order.
        shares: of training, validation and test; by reviewed pixels, as far as groups allow.
        seed: of the choice.
        anew: also divide pairs whose source says where they belong (``TrainingPair.split``).

    Returns:
        The pairs; those whose source says where they belong stay there. Where there are fewer
        groups than parts, there is no test; where there is but one group, no validation either.

    Raises:
        BadInputError: a group, or an image, that its source has in two parts.

    >>> import numpy as np
    >>> pairs = [TrainingPair(name=str(n), image=np.full((2, 2), n), labels=np.eye(2, dtype=int))
    ...          for n in range(10)]
    >>> split = split_pairs(pairs)
    >>> len(split.train), len(split.val), len(split.test)
    (8, 1, 1)
    """
    pairs = [replace(pair, split="") for pair in pairs] if anew else list(pairs)
    clusters = _clusters(pairs)
    fixed = _fixed(pairs, clusters)
    free = sorted(
        {cluster for cluster in clusters if cluster not in fixed},
        key=lambda cluster: hashlib.sha256(f"{seed}:{cluster}".encode()).digest(),
    )
    weights: dict[str, int] = defaultdict(int)
    for pair, cluster in zip(pairs, clusters, strict=True):
        weights[cluster] += round(pair.labels.size * pair.reviewed) or 1
    parts = fixed | _divided(free, weights, shares)
    found = Split(
        tuple(
            replace(pair, split=parts[cluster])
            for pair, cluster in zip(pairs, clusters, strict=True)
        )
    )
    wanted = [name for name, share in zip(ANY_SPLIT, shares, strict=True) if share > 0]
    missing = [name for name in wanted if not found.part(name)]
    if not missing:
        return found
    none = " and no ".join(missing)
    groups = len({*clusters})
    note = (
        f"the images are divided already, and there is no {none}; --split divides them anew"
        if not free
        else f"{groups} group{'s' * (groups != 1)} of images cannot be divided into {len(wanted)} "
        f"parts: there is no {none}"
    )
    return replace(found, notes=(note,))


def _divided(
    groups: Sequence[str], weights: Mapping[str, int], shares: Sequence[float]
) -> dict[str, str]:
    """Give each group, in this order, to the part that lacks most of its share."""
    wanted = {name: share for name, share in zip(ANY_SPLIT, shares, strict=True) if share > 0}
    wanted = dict(list(wanted.items())[: max(1, len(groups))])
    total = sum(weights[group] for group in groups)
    has = dict.fromkeys(wanted, 0)
    parts = {}
    for number, group in enumerate(groups):
        left = len(groups) - number
        empty = [name for name in wanted if not has[name]]
        choice = empty if left <= len(empty) else list(wanted)
        part = max(choice, key=lambda name: 1 - has[name] / (wanted[name] * total))
        parts[group] = part
        has[part] += weights[group]
    return parts


def _clusters(pairs: Sequence[TrainingPair]) -> list[str]:
    """Return for each pair the first of the groups that share an image with its group."""
    leader = {pair.group: pair.group for pair in pairs}

    def find(group: str) -> str:
        while leader[group] != group:
            group = leader[group]
        return group

    seen: dict[str, str] = {}
    for pair in pairs:
        if pair.image.size and pair.image.min() == pair.image.max():
            continue  # blank images are equal without being the same
        same, group = find(seen.setdefault(pair.content_hash, pair.group)), find(pair.group)
        first, second = sorted((same, group))
        leader[second] = first
    return [find(pair.group) for pair in pairs]


def _fixed(pairs: Sequence[TrainingPair], clusters: Sequence[str]) -> dict[str, str]:
    """Return the parts that sources say, by cluster."""
    owners: dict[str, TrainingPair] = {}
    for pair, cluster in zip(pairs, clusters, strict=True):
        if not pair.split:
            continue
        first = owners.setdefault(cluster, pair)
        if first.split != pair.split:
            both = (first.source or first.name, pair.source or pair.name)
            what = (
                "are the same image" if first.group != pair.group else f"belong to {pair.group!r}"
            )
            raise BadInputError(
                both[0],
                f"is in {first.split}, and {both[1]} is in {pair.split}, but both {what}",
                "divide them anew with --split, or take one of them away",
            )
    return {cluster: pair.split for cluster, pair in owners.items()}
