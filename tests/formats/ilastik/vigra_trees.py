"""Decision trees as vigra stores them: written, and evaluated from the arrays alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

LEAF = 0x40000000

FORESTS = "PixelClassification/ClassifierForests"


def stump(
    threshold: float = 0.5, *, column: int = 0, features: int = 1
) -> tuple[list[int], list[float]]:
    """Return a tree of two leaves: class 1 below the threshold, class 2 from it on."""
    topology = [features, 2, 0, 0, 7, 9, column, LEAF, 2, LEAF, 5]
    return topology, [1.0, threshold, 3.0, 1.0, 0.0, 3.0, 0.0, 1.0]


def write_project(
    path: Path,
    forests: list[list[tuple[list[int], list[float]]]],
    *,
    labels: list[int] | None = None,
    weighted: bool = False,
) -> Path:
    """Write a project that has nothing but forests."""
    with h5py.File(path, "w") as file:
        file["workflowName"] = b"Pixel Classification"
        group = file.create_group(FORESTS)
        for number, trees in enumerate(forests):
            forest = group.create_group(f"Forest{number:04d}")
            forest["_options/predict_weighted_"] = np.array([float(weighted)])
            for place, (topology, parameters) in enumerate(trees):
                tree = forest.create_group(f"Tree_{place}")
                tree["topology"] = np.array(topology, np.int32)
                tree["parameters"] = np.array(parameters, np.float64)
        group["known_labels"] = np.array([1, 2] if labels is None else labels, np.uint32)
    return path


def evaluate(path: Path, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the probabilities (classes, pixels), one pixel and one tree after another."""
    n_pixels = features.shape[1]
    with h5py.File(path) as file:
        group: Any = file[FORESTS]
        forests = [group[name] for name in group if name.startswith("Forest")]
        total: Any = 0
        count = 0
        for forest in forests:
            weighted = bool(forest["_options/predict_weighted_"][0])
            names = [name for name in forest if name.startswith("Tree")]
            votes: Any = 0
            for name in names:
                topology = forest[name]["topology"][()]
                parameters = forest[name]["parameters"][()]
                leaves = np.stack(
                    [_leaf(topology, parameters, features[:, i]) for i in range(n_pixels)], axis=1
                )
                votes = votes + (leaves[1:] * leaves[0] if weighted else leaves[1:])
            total = total + len(names) * votes / votes.sum(axis=0)
            count += len(names)
    return np.asarray(total / count)


def _leaf(
    topology: NDArray[np.int32], parameters: NDArray[np.float64], pixel: NDArray[np.float32]
) -> NDArray[np.float64]:
    node = 2
    while topology[node] != LEAF:
        address, left, right, column = topology[node + 1 : node + 5]
        node = left if float(pixel[column]) < parameters[address + 1] else right
    address = topology[node + 1]
    return parameters[address : address + 1 + topology[1]]
