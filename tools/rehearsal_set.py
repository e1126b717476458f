"""Make the real images that are rehearsed when a model is fine-tuned.

They are parts of fluorescence images of the 2018 Data Science Bowl (BBBC038, CC0) that the built-in
model was trained on::

    starbridge pairs BBBC038/ --out DATASET --simulated 80 --split 0.84,0.06,0.1
    python -m tools.rehearsal_set DATASET
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from bridge.files.atomic import writing
from bridge.training.pairs import TrainingPair
from bridge.training.rehearsal import REMEMBERED
from bridge.training.sources import read_pairs

COUNT = 32
SIDE = 256
_LEAST_OBJECTS = 3
_SEED = 7
# kinds of images that a user may want to learn anew are left out
_LEFT_OUT = ((360, 360), (603, 1272))


def choose(pairs: list[TrainingPair], count: int = COUNT) -> list[TrainingPair]:
    """Choose images by chance.

    Args:
        pairs: the training part of the data set, without simulated images.
        count: how many.
    """
    rng = np.random.default_rng(_SEED)
    known = [
        pair
        for pair in sorted(pairs, key=lambda pair: pair.name)
        if pair.labels.shape not in _LEFT_OUT
        and min(pair.labels.shape) >= SIDE
        and pair.count >= _LEAST_OBJECTS
    ]
    return [known[int(number)] for number in rng.permutation(len(known))[:count]]


def cut(pair: TrainingPair, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Cut out the square with most objects of four that are drawn."""
    squares = []
    for _ in range(4):
        y, x = (int(rng.integers(0, n - SIDE + 1)) for n in pair.labels.shape)
        squares.append((slice(y, y + SIDE), slice(x, x + SIDE)))
    best = max(squares, key=lambda square: len(np.unique(pair.labels[square])))
    labels = np.maximum(pair.labels[best], 0)
    numbers = np.unique(np.append(labels, 0))  # 0 stays 0, in a square without background, too
    return pair.image[best][..., 0], np.searchsorted(numbers, labels)


def main() -> None:
    """Write the file of the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    pairs = [
        pair
        for pair in read_pairs(parser.parse_args().dataset)
        if pair.split == "train" and not pair.name.startswith("simulated")
    ]
    rng = np.random.default_rng(_SEED)
    parts = [cut(pair, rng) for pair in choose(pairs)]
    stack = np.stack([np.stack(part).astype(np.uint16) for part in parts])
    with writing(REMEMBERED) as path:
        tifffile.imwrite(
            path,
            stack,
            compression="zlib",
            compressionargs={"level": 9},
            predictor=True,
            photometric="minisblack",
            metadata={"axes": "NCYX"},
        )


if __name__ == "__main__":
    main()
