"""Classed objects to learn from, as a table, so that no object can be on both sides of a split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from bridge.errors import BadInputError

if TYPE_CHECKING:
    from typing import Self

KEYS = ("image", "group", "object", "class", "hash", "image_hash")
"""Columns of a table of classed objects beside the features."""

_LISTED = 3


@dataclass(frozen=True, eq=False)
class ClassedObjects:
    """Objects whose class is known, with their features.

    Attributes:
        table: a row an object. Columns, then a float column a feature:

            ========== ==================================================================
            image      name of its image
            group      what is never divided between training and test: the image, or the
                       organoid that it shows a slice of
            object     its UUID, or its label; of an object of a volume the UUID of its
                       largest slice
            class      its class
            hash       SHA-256 of its pixels and outline, whatever the image is called
            image_hash SHA-256 of the pixels of its image, in its slice and time point; of an
                       object of a volume in all slices of its time point
            ========== ==================================================================

    Raises:
        BadInputError: a column is missing; classes differ only by case or blanks; an object has
            two classes; an object or an image is in two groups.

    >>> keys = {"image": ["a", "b"], "group": ["a", "b"], "object": ["1", "1"]}
    >>> hashes = {"hash": ["0a", "0b"], "image_hash": ["1a", "1b"]}
    >>> table = pd.DataFrame({**keys, "class": ["live", "dead"], **hashes, "area": [9.0, 4.0]})
    >>> examples = ClassedObjects(table)
    >>> examples.classes, examples.features
    (('dead', 'live'), ('area',))
    """

    table: pd.DataFrame

    def __post_init__(self) -> None:
        missing = [key for key in KEYS if key not in self.table.columns]
        if missing:
            raise BadInputError(
                "classed objects", f"have no column {missing[0]!r}", f"give {', '.join(KEYS)}"
            )
        check_class_names(zip(self.table["class"], self.table["image"], strict=True))
        _check_contradictions(self.table)
        for column, what in (("image_hash", "images"), ("hash", "objects")):
            _check_groups(self.table, column, what)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, sorted."""
        return tuple(sorted(set(self.table["class"])))

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features, in the order of their columns."""
        return tuple(str(name) for name in self.table.columns if name not in KEYS)

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """Put the objects of several sources together.

        Raises:
            BadInputError: there are none, they have other features, or the same objects in
                several groups.
        """
        if not parts:
            raise BadInputError("classed objects", "are none", "class some objects first")
        for part in parts[1:]:
            if part.features != parts[0].features:
                raise BadInputError(
                    _listed(part.table["image"]),
                    f"has other features than {_listed(parts[0].table['image'])}",
                    "train on images with the same channels",
                )
        return cls(pd.concat([part.table for part in parts], ignore_index=True))

    def refuse_shared(self, other: ClassedObjects) -> None:
        """Check that no image and no object is among others too, such as those of a test.

        Raises:
            BadInputError: one is.
        """
        for column, what in (("image_hash", "image"), ("hash", "object")):
            shared = set(self.table[column]) & set(other.table[column])
            if shared:
                own, others = (
                    _listed(table.loc[table[column].isin(shared), "image"])
                    for table in (self.table, other.table)
                )
                raise BadInputError(
                    own,
                    f"is to train on, and the same {what} is to test on ({others})",
                    "take it out of one of them",
                )


def check_class_names(named: Iterable[tuple[str, str]]) -> None:
    """Check that no two names of classes differ only by case or blanks, and that none is empty.

    Args:
        named: names of classes, each with the image or the file that it comes from.

    Raises:
        BadInputError: two do.

    >>> check_class_names([("dead", "a.tif"), ("Dead ", "b.tif")])
    Traceback (most recent call last):
    bridge.errors.BadInputError: b.tif: has the class 'Dead ', and a.tif 'dead'; call it the same
    """
    spellings: dict[str, tuple[str, str]] = {}
    for name, source in dict.fromkeys(named):
        plain = " ".join(name.split()).casefold()
        if not plain:
            raise BadInputError(source, "has a class without a name", "give it one")
        known, first = spellings.setdefault(plain, (name, source))
        if known != name:
            raise BadInputError(
                source, f"has the class {name!r}, and {first} {known!r}", "call it the same"
            )


def _check_contradictions(table: pd.DataFrame) -> None:
    several = table.groupby("hash")["class"].nunique()
    torn = several.index[several > 1]
    if not len(torn):
        return
    rows = table[table["hash"] == torn[0]]
    classes = " and ".join(repr(name) for name in sorted(set(rows["class"])))
    raise BadInputError(
        _listed(rows["image"]),
        f"has the object {rows['object'].iloc[0]} in the classes {classes}",
        "decide for one of them",
    )


def _check_groups(table: pd.DataFrame, column: str, what: str) -> None:
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    pairs = table[[column, "group", "image"]].drop_duplicates()
    for content, group, image in pairs.itertuples(index=False):
        groups[content].setdefault(group, image)
    for there in groups.values():
        if len(there) > 1:
            first, second, *_ = there.values()
            raise BadInputError(
                first,
                f"has the same {what} as {second}: one could be trained on and the other tested",
                "give one of them",
            )


def _listed(names: Iterable[str]) -> str:
    """Return the first few names, each once."""
    found = list(dict.fromkeys(map(str, names)))
    return ", ".join(found[:_LISTED]) + (", …" if len(found) > _LISTED else "")
