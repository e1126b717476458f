"""SavedModel in a zip: what the StarDist plugin in Fiji, CSBDeep and DeepImageJ load.

The format is TensorFlow's ``saved_model.proto``: one graph with the tag ``serve`` and the signature
``serving_default``. There are no variables, weights are constants.
"""

from __future__ import annotations

from pathlib import Path

from bridge.model.network import INPUT, OUTPUT, Network
from models_export.archive import write_zip
from models_export.graph import build_meta_graph

TAG = "serve"
SIGNATURE = "serving_default"


def write_saved_model(
    network: Network, grid: tuple[int, ...], path: Path, *, tensorflow: str
) -> None:
    """Write a network for Fiji.

    The output has the input's size, as the plugin expects. Classes are left out, because the plugin
    takes every channel after the first for a ray.

    Args:
        network: the network.
        grid: pixels between its predictions.
        path: the .zip to write.
        tensorflow: the oldest TensorFlow that must load it, ``1.12`` or ``1.15``.

    Raises:
        BadInputError: the file cannot be written.
    """
    write_zip(
        path,
        {
            "saved_model.pb": saved_model_bytes(network, grid, tensorflow=tensorflow),
            "variables/": b"",
        },
    )


def saved_model_bytes(network: Network, grid: tuple[int, ...], *, tensorflow: str) -> bytes:
    """The content of ``saved_model.pb``; arguments as :func:`write_saved_model`."""
    from tensorflow.core.framework import types_pb2
    from tensorflow.core.protobuf import saved_model_pb2

    one = network.with_one_output(classes=False, upsample=grid)
    saved = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta = saved.meta_graphs.add()
    meta.CopyFrom(build_meta_graph(one, tensorflow))
    meta.meta_info_def.tags.append(TAG)
    signature = meta.signature_def[SIGNATURE]
    signature.method_name = "tensorflow/serving/predict"
    for name, tensors, channels in (
        (INPUT, signature.inputs, network.channels),
        (OUTPUT, signature.outputs, sum(one.width_of(head) for head in network.heads[:2])),
    ):
        info = tensors[name]
        info.name = f"{name}:0"
        info.dtype = types_pb2.DT_FLOAT
        for size in (*[-1] * (network.n_dim + 1), channels):
            info.tensor_shape.dim.add(size=size)
    return bytes(saved.SerializeToString(deterministic=True))
