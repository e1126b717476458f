"""The pairs of a training by what they are for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bridge.errors import BadInputError
from bridge.training.pairs import TrainingPair
from bridge.training.rehearsal import OldDomain


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Pairs by what they are for.

    Attributes:
        pairs: to learn from; some of them are held out where ``validation`` is empty.
        validation: pairs that choose the best state and the thresholds.
        test: pairs that choose nothing; where there are none, the validation pairs are reported.
        old: the old domain.
        divided: how the pairs were divided, in words.
    """

    pairs: Sequence[TrainingPair]
    validation: Sequence[TrainingPair] = ()
    test: Sequence[TrainingPair] = ()
    old: OldDomain = field(default_factory=OldDomain)
    divided: str = ""

    def roles(self) -> dict[str, Sequence[TrainingPair]]:
        """Return the pairs by their role, as the record names it."""
        return {
            "train": self.pairs,
            "validation": self.validation,
            "test": self.test,
            "rehearsal": self.old.trained,
            "check of the old domain": self.old.checked,
        }

    def refuse_shared(self) -> None:
        """Refuse an image that is used for two things of which one judges the other.

        Images are compared by their pixels, whatever their names. Blank ones are not.

        Raises:
            BadInputError: one is learnt from, and validates or tests; or it validates and tests.
        """
        known: dict[str, tuple[TrainingPair, str]] = {}
        for role, verb, pairs in (
            ("training", "learnt from", (*self.pairs, *self.old.trained)),
            ("validation", "validated with", self.validation),
            ("test", "tested with", self.test),
        ):
            found = {pair.content_hash: (pair, verb) for pair in pairs if not _is_blank(pair)}
            for same in known.keys() & found.keys():
                pair, (twin, before) = found[same][0], known[same]
                raise BadInputError(
                    pair.source or pair.name,
                    f"is for {role}, and the same image is {before} as {twin.source or twin.name}",
                    "take it out of one of them",
                )
            known |= found

    def refuse_channels(self, channels: int) -> None:
        """Refuse images of another number of channels than the network takes.

        Raises:
            BadInputError: there is one.
        """
        for pair in (pair for pairs in self.roles().values() for pair in pairs):
            if pair.image.shape[-1] != channels:
                raise BadInputError(
                    pair.source or pair.name,
                    f"has {pair.image.shape[-1]} channels, and others have {channels}",
                    "give images of the same channels, or choose them with --channel",
                )

    def fingerprint(self) -> list[Any]:
        """Return what decides the result of a training: each image, its labels and classes."""
        return [
            [
                *(role, pair.name, pair.content_hash, _hash(pair.labels), pair.ranges),
                sorted(pair.classes.items()),
            ]
            for role, pairs in self.roles().items()
            for pair in pairs
        ]


def _is_blank(pair: TrainingPair) -> bool:
    """Tell whether an image has one value throughout: such images are equal and not the same."""
    return not pair.image.size or bool(pair.image.min() == pair.image.max())


def _hash(labels: Any) -> str:
    return hashlib.sha256(labels.tobytes()).hexdigest()
