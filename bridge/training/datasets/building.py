"""Build a data set of files from training pairs: check, divide, prepare, write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from bridge.formats.naming import PUBLISHED_PATTERN
from bridge.training.cutting import grey_pair
from bridge.training.datasets.preparing import Preparation, prepare_pairs, simulated_pairs
from bridge.training.datasets.splitting import SHARES, group_by_field, split_pairs
from bridge.training.datasets.writing import check_free, write_dataset
from bridge.training.pairs import TrainingPair
from bridge.training.sources import check_pairs
from bridge.training.sources.options import Note, ignore_note


@dataclass(frozen=True, kw_only=True)
class BuildSettings:
    """Settings by which a data set is built.

    Attributes:
        preparation: how images are cut and scaled, and for which program.
        grey: make one channel of all.
        shares: of training, validation and test.
        anew: divide pairs anew whose source says where they belong.
        split_by: fields of names that keep images together.
        pattern: how names carry fields.
        simulated: number of simulated images that are added to the training.
        crops: also write the image region of each object.
        seed: of everything that is left to chance.
        overwrite: replace a data set that is there.
    """

    preparation: Preparation = field(default_factory=Preparation)
    grey: bool = False
    shares: tuple[float, float, float] = SHARES
    anew: bool = False
    split_by: tuple[str, ...] = ()
    pattern: str = PUBLISHED_PATTERN
    simulated: int = 0
    crops: bool = False
    seed: int = 0
    overwrite: bool = False


def build_dataset(
    pairs: Sequence[TrainingPair],
    out: str | PathLike[str],
    settings: BuildSettings | None = None,
    *,
    provenance: Mapping[str, Any] | None = None,
    note: Note = ignore_note,
) -> list[TrainingPair]:
    """Build a data set, complete or not at all.

    Pairs are divided before they are cut, and parts of one image stay together.

    Args:
        pairs: the pairs.
        out: the folder.
        settings: how it is built.
        provenance: where the pairs come from: JSON values, for the manifest.
        note: called with sentences for the user.

    Returns:
        The pairs as they were written.

    Raises:
        BadInputError: pairs that cannot be learned from
            (:func:`bridge.training.sources.check_pairs`) or not be divided, or a folder that is
            there or cannot be written.

    >>> import tempfile
    >>> import numpy as np
    >>> pairs = [TrainingPair(name=f"{n}", image=np.full((32, 32), n),
    ...                       labels=np.eye(32, dtype=int)) for n in range(3)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     built = build_dataset(pairs, f"{folder}/set")
    >>> sorted(pair.split for pair in built)
    ['test', 'train', 'val']
    """
    settings = settings or BuildSettings()
    check_free(Path(out), overwrite=settings.overwrite)
    found = [grey_pair(pair) for pair in pairs] if settings.grey else list(pairs)
    for line in check_pairs(found):
        note(line)
    channels = found[0].image.shape[-1]
    if settings.split_by:
        found = group_by_field(found, settings.split_by, settings.pattern)
    divided = split_pairs(found, settings.shares, seed=settings.seed, anew=settings.anew)
    prepared = prepare_pairs(divided.pairs, settings.preparation)
    for line in (*divided.notes, *prepared.notes):
        note(line)
    simulated = simulated_pairs(settings.simulated, seed=settings.seed, channels=channels)
    written = [*prepared.pairs, *simulated]
    write_dataset(
        written,
        out,
        layout=settings.preparation.layout,
        crops=settings.crops,
        quadrants=settings.preparation.quadrants,
        overwrite=settings.overwrite,
        settings={**asdict(settings), **(provenance or {})},
    )
    return written
