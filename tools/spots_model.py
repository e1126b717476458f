"""Write the tiny model with which ``starbridge doctor --run`` tries Fiji's StarDist plugin.

It is a SavedModel of five nodes, of operations that every TensorFlow 1 knows, without weights: the
probability is the normalised image itself, every distance is :data:`RADIUS`. So the plugin finds a
disc around each bright spot, which shows that TensorFlow loads and computes, and that the plugin
reads, suppresses and draws.

Run ``python -m tools.spots_model`` (needs TensorFlow) to write ``bridge/apps/fiji/spots.zip`` anew.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from bridge.apps.fiji.stardist_trial import MODEL, RADIUS

RAYS = 32


def saved_model() -> bytes:
    """Return the model as the bytes of ``saved_model.pb``, each time the same.

    Input: (1, Y, X, 1), float32. Output: (1, Y, X, 1 + RAYS), float32, probability first.
    """
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.types_pb2 import DT_FLOAT
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
    from tensorflow.python.framework.tensor_util import make_tensor_proto

    factor = np.zeros((1, 1, 1, 1 + RAYS), np.float32)
    factor[..., 0] = 1
    graph = GraphDef()
    # of TensorFlow 1.12: later ones read what earlier ones wrote
    graph.versions.producer, graph.versions.min_consumer = 27, 12
    node = graph.node.add(name="input", op="Placeholder")
    node.attr["dtype"].type = DT_FLOAT
    for size in (-1, -1, -1, 1):
        node.attr["shape"].shape.dim.add(size=size)
    for name, values in (("factor", factor), ("radius", (1 - factor) * np.float32(RADIUS))):
        node = graph.node.add(name=name, op="Const")
        node.attr["dtype"].type = DT_FLOAT
        node.attr["value"].tensor.CopyFrom(make_tensor_proto(values))
    for name, operation, inputs in (
        ("product", "Mul", ("input", "factor")),
        ("output", "Add", ("product", "radius")),
    ):
        node = graph.node.add(name=name, op=operation, input=inputs)
        node.attr["T"].type = DT_FLOAT

    model = SavedModel(saved_model_schema_version=1)
    meta = model.meta_graphs.add(graph_def=graph)
    meta.meta_info_def.tags.append("serve")
    meta.meta_info_def.tensorflow_version = "1.12.0"
    signature = meta.signature_def["serving_default"]
    signature.method_name = "tensorflow/serving/predict"
    for tensors, name, channels in (
        (signature.inputs, "input", 1),
        (signature.outputs, "output", 1 + RAYS),
    ):
        tensor = tensors[name]
        tensor.name, tensor.dtype = f"{name}:0", DT_FLOAT
        for size in (-1, -1, -1, channels):
            tensor.tensor_shape.dim.add(size=size)
    return bytes(model.SerializeToString(deterministic=True))


def zipped(model: bytes) -> bytes:
    """Return the zip that the plugin takes, without the time of day."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("saved_model.pb", model), ("variables/", b"")):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def main(path: Path = MODEL) -> None:
    """Write the zip."""
    path.write_bytes(zipped(saved_model()))
    print(f"wrote {path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
