"""Reasons why an old TensorFlow refuses a graph, from the operations that it has."""

from __future__ import annotations

from typing import Any


def unknown_operations(graph: Any, operations: bytes, runtime: str) -> list[str]:
    """List what a graph uses and a runtime does not know.

    Args:
        graph: a ``GraphDef``.
        operations: the runtime's own list, a serialized ``OpList``.
        runtime: its name (``"TensorFlow 1.12.0"``).

    Returns:
        A clause for each operation, setting or number type that the runtime does not know, in the
        graph's order, without repetition.
    """
    from tensorflow.core.framework import op_def_pb2, types_pb2

    known = {op.name: op for op in op_def_pb2.OpList.FromString(operations).op}
    functions = {function.signature.name for function in graph.library.function}
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    reasons: dict[str, None] = {}
    for node in nodes:
        if node.op in functions:
            continue
        definition = known.get(node.op)
        if definition is None:
            reasons[f"operation {node.op} is unknown to {runtime}"] = None
            continue
        attributes = {attribute.name: attribute for attribute in definition.attr}
        for name, value in node.attr.items():
            if name.startswith("_"):
                continue
            attribute = attributes.get(name)
            if attribute is None:
                reasons[f"setting {name!r} of operation {node.op} is unknown to {runtime}"] = None
                continue
            allowed = attribute.allowed_values.list.type
            if value.type and allowed and value.type not in allowed:
                word = types_pb2.DataType.Name(value.type).removeprefix("DT_").lower()
                reasons[f"operation {node.op} takes no {word} numbers in {runtime}"] = None
    return list(reasons)
