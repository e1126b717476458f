"""Projects of a real ilastik, read by h5py alone: its names and, by its forest, its classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge.classify.pixels.filters import FilterBank
from bridge.formats.ilastik.feature_selection import FeatureSelection

_LEAF = 0x40000000

PROJECTS = {"pixels2d.ilp": (1, False), "MyProject.ilp": (2, True), "basics_example.ilp": (2, True)}
"""Channels of the images of each project, and are they stacks."""


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "ilastik"


def bank_of(project: Path) -> FilterBank:
    """Return the features that a project chooses."""
    with h5py.File(project) as file:
        group = file["FeatureSelections"]
        scales = tuple(map(float, group["Scales"]))
        chosen = tuple(tuple(map(bool, row)) for row in group["SelectionMatrix"])
        in_2d = tuple(map(bool, group.get("ComputeIn2d", [False] * len(scales))))
    return FilterBank(FeatureSelection(scales, chosen, in_2d), *PROJECTS[project.name])


def probabilities(project: Path, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Let the stored forest vote, one level of one tree at a time: (class, pixel)."""
    votes: Any = 0
    with h5py.File(project) as file:
        stored = file["PixelClassification/ClassifierForests"]
        for forest in (stored[name] for name in stored if name.startswith("Forest")):
            for tree in (forest[name] for name in forest if name.startswith("Tree_")):
                votes = votes + _leaves(tree["topology"][()], tree["parameters"][()], features)
    return votes / votes.sum(axis=0)  # type: ignore[no-any-return]


def _leaves(topology: Any, parameters: Any, features: NDArray[np.float32]) -> Any:
    node = np.full(features.shape[1], 2)
    while True:
        inner = np.flatnonzero(topology[node] & _LEAF == 0)
        if not inner.size:
            return parameters[topology[node + 1] + 1 + np.arange(topology[1])[:, None]]
        at = node[inner]
        is_left = features[topology[at + 4], inner] < parameters[topology[at + 1] + 1]
        node[inner] = np.where(is_left, topology[at + 2], topology[at + 3])


@pytest.mark.parametrize("name", list(PROJECTS))
def test_columns_have_the_names_that_ilastik_stores(folder: Path, name: str) -> None:
    with h5py.File(folder / name) as file:
        stored = file["PixelClassification/ClassifierForests/feature_names"].asstr("utf-8")[()]

    assert list(bank_of(folder / name).names) == list(stored)


def test_a_plane_has_the_probabilities_that_ilastik_exported(folder: Path) -> None:
    image = tifffile.imread(folder / "new.tif")[None, ..., None]
    with h5py.File(folder / "new_pixels2d-Probabilities.h5") as file:
        exported = file["exported_data"][()].reshape(-1, 2).T

    features = bank_of(folder / "pixels2d.ilp").compute(image)

    found = probabilities(folder / "pixels2d.ilp", features.reshape(len(features), -1))
    assert np.array_equal(found.argmax(axis=0), exported.argmax(axis=0))
    assert np.abs(found - exported).mean() < 1e-5


def test_a_volume_has_the_probabilities_that_ilastik_exported(folder: Path) -> None:
    with h5py.File(folder / "volume.h5") as file:
        volume = np.moveaxis(file["image"][()], 0, -1)
    with h5py.File(folder / "volume-image_MyProject-Probabilities.h5") as file:
        exported = file["exported_data"][()].reshape(2, -1)

    features = bank_of(folder / "MyProject.ilp").compute(volume)

    found = probabilities(folder / "MyProject.ilp", features.reshape(len(features), -1))
    # to its edges: the volume is less than two filters deep
    assert (found.argmax(axis=0) != exported.argmax(axis=0)).mean() < 1e-4
    assert np.abs(found - exported).mean() < 1e-5
