"""The graph holds what an old TensorFlow knows."""

from __future__ import annotations

import pytest

from models_export.graph import PRODUCERS, build_meta_graph
from tests.model.test_network import small

pytestmark = pytest.mark.model


@pytest.mark.parametrize("tensorflow", ["1.12", "1.15"])
def test_a_graph_holds_nothing_newer_than_its_tensorflow(tensorflow: str) -> None:
    network = small().with_one_output(classes=False, upsample=(2, 2))
    graph = build_meta_graph(network, tensorflow).graph_def
    assert graph.versions.producer == PRODUCERS[tensorflow]
    attributes = {key for node in graph.node for key in node.attr}
    assert not attributes & {"explicit_paddings", "half_pixel_centers", "_output_shapes"}
    operations = {node.op for node in graph.node}
    assert "ResizeNearestNeighbor" in operations
    assert not operations & {"VarHandleOp", "StatefulPartitionedCall", "Placeholder_1"}
    assert [node.name for node in graph.node if node.op == "Placeholder"] == ["input"]


def test_the_same_network_gives_the_same_graph() -> None:
    first, second = (
        build_meta_graph(small().with_one_output(classes=True), "1.12").graph_def for _ in range(2)
    )
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(
        deterministic=True
    )
