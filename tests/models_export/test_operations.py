"""Reasons why an old TensorFlow refuses a graph."""

from __future__ import annotations

import pytest

from models_export.operations import unknown_operations

pytestmark = pytest.mark.model


def test_each_unknown_operation_is_named_once() -> None:
    from tensorflow.core.framework import graph_pb2, op_def_pb2, types_pb2

    known = op_def_pb2.OpList()
    conv = known.op.add(name="Conv2D")
    kind = conv.attr.add(name="T")
    kind.allowed_values.list.type.extend([types_pb2.DT_FLOAT])
    graph = graph_pb2.GraphDef()
    for name in ("a", "b"):
        node = graph.node.add(name=name, op="Conv2D")
        node.attr["T"].type = types_pb2.DT_BFLOAT16
        node.attr["explicit_paddings"].list.i.append(1)
        node.attr["_note"].b = True
        graph.node.add(name=f"new_{name}", op="XlaConvV2")
    graph.library.function.add().signature.name = "inner"
    graph.node.add(name="call", op="inner")
    graph.library.function[0].node_def.add(name="deep", op="Einsum")
    assert sorted(unknown_operations(graph, known.SerializeToString(), "TensorFlow 1.12.0")) == [
        "operation Conv2D takes no bfloat16 numbers in TensorFlow 1.12.0",
        "operation Einsum is unknown to TensorFlow 1.12.0",
        "operation XlaConvV2 is unknown to TensorFlow 1.12.0",
        "setting 'explicit_paddings' of operation Conv2D is unknown to TensorFlow 1.12.0",
    ]
