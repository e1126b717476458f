"""Images of the old domain, so that a model does not forget what it could do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from bridge.examples.simulator import simulate_nuclei
from bridge.training.pairs import TrainingPair

REMEMBERED = Path(__file__).with_name("remembered.tif")
"""Parts of images of the 2018 Data Science Bowl (BBBC038, CC0), made by ``tools.rehearsal_set``.

Axes NCYX: images of 256 x 256 pixels, the intensities first, then the labels.
"""

_SIMULATED_SIZE = 256
_SIMULATED, _SEED = 40, 11
_PART_CHECKED = 4


@dataclass(frozen=True)
class OldDomain:
    """Images like those that a model was trained on before.

    Attributes:
        trained: pairs that patches are drawn from.
        checked: other pairs, on which it is measured what was forgotten.
        about: what they are, in words, for the model card.
        licence: of the images, or ``""``.
    """

    trained: tuple[TrainingPair, ...] = ()
    checked: tuple[TrainingPair, ...] = ()
    about: str = ""
    licence: str = ""


def simulate_pairs(count: int, *, seed: int, size: int = _SIMULATED_SIZE) -> list[TrainingPair]:
    """Simulate images of nuclei in one channel with their labels.

    Args:
        count: number of pairs, each with at least one nucleus.
        seed: equal seeds give equal pairs.
        size: height and width in pixels.

    >>> [pair.name for pair in simulate_pairs(2, seed=1, size=64)]
    ['simulated_1_0', 'simulated_1_1']
    """
    rng = np.random.default_rng(seed)
    pairs: list[TrainingPair] = []
    while len(pairs) < count:
        image, labels = simulate_nuclei((size, size), seed=rng)
        if labels.any():
            name = f"simulated_{seed}_{len(pairs)}"
            pairs.append(
                TrainingPair(name=name, image=image, labels=labels, source="bridge.examples")
            )
    return pairs


def remembered_pairs() -> list[TrainingPair]:
    """Return real images, with nuclei outlined by hand, that the built-in model was trained on.

    >>> len(remembered_pairs())
    32
    """
    stack = tifffile.imread(REMEMBERED)
    return [
        TrainingPair(
            name=f"remembered_{number}",
            image=image.astype(np.uint8),
            labels=labels,
            source="BBBC038",
        )
        for number, (image, labels) in enumerate(stack)
    ]


def fluorescence_domain() -> OldDomain:
    """Return simulated and real images as old domain of a model of one fluorescent channel.

    What was forgotten is measured on images that are not rehearsed.
    """
    pairs = [*simulate_pairs(_SIMULATED, seed=_SEED), *remembered_pairs()]
    checked = pairs[::_PART_CHECKED]
    return OldDomain(
        tuple(pair for k, pair in enumerate(pairs) if k % _PART_CHECKED),
        tuple(checked),
        "simulated nuclei, and fluorescence images of the 2018 Data Science Bowl (BBBC038)",
        "CC0",
    )


def given_domain(pairs: Sequence[TrainingPair], about: str) -> OldDomain:
    """Return a user's own old pairs as old domain: every fourth one, at least one, is checked.

    A single pair is both trained with and checked on.
    """
    checked = tuple(pairs[3::4]) or tuple(pairs[-1:])
    trained = tuple(pair for pair in pairs if pair not in checked) or tuple(pairs)
    return OldDomain(trained, checked, about)
