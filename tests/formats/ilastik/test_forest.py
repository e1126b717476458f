"""Random forests of ilastik projects."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.formats.ilastik.forest import read_forest
from tests.formats.ilastik.vigra_trees import FORESTS, LEAF, stump, write_project


def test_the_trees_of_all_forests_are_read(shared: Path) -> None:
    stored = read_forest(shared / "ilastik/MyProject.ilp")

    assert [len(forest.trees) for forest in stored.sub_forests] == [13] * 4 + [12] * 4
    assert stored.n_trees == 100
    assert stored.n_features == len(stored.feature_names) == 116
    assert stored.labels == (1, 2)


def test_a_tree_is_read_as_it_stands(tmp_path: Path) -> None:
    stored = read_forest(write_project(tmp_path / "p.ilp", [[stump(0.25, column=3, features=5)]]))

    (tree,) = stored.sub_forests[0].trees
    assert tree.columns.tolist() == [3]
    assert tree.thresholds.tolist() == [0.25]
    assert tree.children.tolist() == [[~0, ~1]]
    assert tree.probabilities.tolist() == [[1, 0], [0, 1]]
    assert tree.weights.tolist() == [3, 3]


def test_children_come_after_their_parents(shared: Path) -> None:
    stored = read_forest(shared / "ilastik/pixels2d.ilp")

    for forest in stored.sub_forests:
        for tree in forest.trees:
            inner = tree.children >= 0
            parents = np.arange(len(tree.children))[:, None]
            assert (~inner | (tree.children > parents)).all()


def test_a_class_without_strokes_has_no_column(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp", [[stump()]], labels=[1, 3])
    assert read_forest(path).labels == (1, 3)


def test_a_project_without_a_forest_says_so(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "p.ilp", "w") as file:
        file["workflowName"] = b"Pixel Classification"
    with pytest.raises(BadInputError, match=r"p\.ilp: has no trained classifier"):
        read_forest(tmp_path / "p.ilp")


TOPOLOGY, PARAMETERS = stump()


@pytest.mark.parametrize(
    ("place", "value", "problem"),
    [
        (4, 2, "leads from a node back to itself"),
        (4, 9, "from two others"),
        (4, 11, "leads to a node outside of it"),
        (4, -1, "leads to a node outside of it"),
        (5, 1, "leads to a node outside of it"),
        (3, 7, "parameters outside"),
        (3, -1, "parameters outside"),
        (8, 6, "parameters outside"),
        (6, 1, "features beyond its 1"),
        (6, -1, "features beyond its 1"),
        (7, 1, "unknown kind"),
        (2, 0x40000001, "unknown kind"),
        (9, 0, "ends within a node"),
        (0, 0, "claims 0 features"),
        (1, -1, "claims 1 features and -1 classes"),
    ],
)
def test_a_damaged_tree_is_refused(tmp_path: Path, place: int, value: int, problem: str) -> None:
    topology = list(TOPOLOGY)
    topology[place] = value
    path = write_project(tmp_path / "p.ilp", [[(topology, PARAMETERS)]])
    with pytest.raises(BadInputError, match=rf"p\.ilp: its .*Tree_0/topology.*{problem}"):
        read_forest(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_threshold_that_is_no_number_is_refused(tmp_path: Path, value: float) -> None:
    path = write_project(tmp_path / "p.ilp", [[(TOPOLOGY, [1.0, value, *PARAMETERS[2:]])]])
    with pytest.raises(BadInputError, match="thresholds or probabilities that are none"):
        read_forest(path)


def test_trees_of_other_features_are_refused(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp", [[stump(), stump(features=2)]])
    with pytest.raises(BadInputError, match="other features or classes"):
        read_forest(path)


@pytest.mark.parametrize("labels", [[1], [2, 1], [0, 1], [1, 1], [1, 2, 3]])
def test_labels_that_do_not_number_the_classes_are_refused(
    tmp_path: Path, labels: list[int]
) -> None:
    path = write_project(tmp_path / "p.ilp", [[stump()]], labels=labels)
    with pytest.raises(BadInputError, match="does not number 2 classes"):
        read_forest(path)


def test_names_of_another_number_of_features_are_refused(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp", [[stump()]])
    with h5py.File(path, "a") as file:
        file[FORESTS].create_dataset("feature_names", data=[b"a", b"b"])
    with pytest.raises(BadInputError, match="are 2, but the trees look at 1 features"):
        read_forest(path)


def test_a_tree_of_one_leaf_is_read(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp", [[([1, 2, LEAF, 0], [4.0, 0.25, 0.75])]])
    (tree,) = read_forest(path).sub_forests[0].trees
    assert len(tree.columns) == 0
    assert tree.probabilities.tolist() == [[0.25, 0.75]]
