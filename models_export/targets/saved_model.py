"""SavedModel in a zip, which the StarDist plugin in Fiji, CSBDeep and DeepImageJ load.

The format is TensorFlow's ``saved_model.proto``: one graph with the tag ``serve`` and the signature
``serving_default``. There are no variables, weights are constants. The model's settings lie beside
it: no program minds, and the zip can be made a model folder again.
"""

from __future__ import annotations

from bridge.files.archive import zip_bytes
from bridge.model.graphs.saved_files import SERVE, SIGNATURE
from bridge.model.network import INPUT, OUTPUT, Network
from models_export.graph import build_meta_graph
from models_export.keras_model import KerasModel
from models_export.targets import TargetSpec


def contents(spec: TargetSpec, model: KerasModel, network: Network) -> dict[str, bytes]:
    """Return the .zip for Fiji; as :class:`TargetSpec` asks."""
    saved = saved_model_bytes(network, model.folder.grid, spec.key.removeprefix("tf"))
    settings = {name: text.encode() for name, text in model.folder.settings_files().items()}
    return {spec.endings[0]: zip_bytes({"saved_model.pb": saved, "variables/": b"", **settings})}


def saved_model_bytes(network: Network, grid: tuple[int, ...], tensorflow: str) -> bytes:
    """Return a network as the content of ``saved_model.pb``.

    The output has the input's size, as the plugin expects. Classes are left out, because the plugin
    takes every channel after the first for a ray.

    Args:
        network: the network.
        grid: pixels between neighbouring predictions, an axis each.
        tensorflow: the oldest TensorFlow that must load it, ``1.12`` or ``1.15``.
    """
    from tensorflow.core.framework import types_pb2
    from tensorflow.core.protobuf import saved_model_pb2

    joined = network.with_one_output(classes=False, upsample=grid)
    saved = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta = saved.meta_graphs.add()
    meta.CopyFrom(build_meta_graph(joined, tensorflow))
    meta.meta_info_def.tags.append(SERVE)
    signature = meta.signature_def[SIGNATURE]
    signature.method_name = "tensorflow/serving/predict"
    for name, tensors, channels in (
        (INPUT, signature.inputs, network.channels),
        (OUTPUT, signature.outputs, sum(joined.width_of(head) for head in network.heads[:2])),
    ):
        info = tensors[name]
        info.name = f"{name}:0"
        info.dtype = types_pb2.DT_FLOAT
        for size in (*[-1] * (network.n_dim + 1), channels):
            info.tensor_shape.dim.add(size=size)
    return bytes(saved.SerializeToString(deterministic=True))
