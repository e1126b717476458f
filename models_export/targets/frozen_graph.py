"""Frozen graph (.pb), which QuPath's StarDist extension runs in OpenCV.

The format is TensorFlow's ``graph.proto``. The output has the resolution of the model's grid, as
QuPath expects: probability, rays, then classes where the model has them.
"""

from __future__ import annotations

from bridge.model.network import Network
from models_export.graph import build_meta_graph
from models_export.keras_model import KerasModel
from models_export.targets import TargetSpec


def contents(spec: TargetSpec, model: KerasModel, network: Network) -> dict[str, bytes]:
    """Return the .pb of a 2D network; as :class:`TargetSpec` asks."""
    meta = build_meta_graph(network.with_one_output(classes=True), "1.12")
    return {spec.endings[0]: bytes(meta.graph_def.SerializeToString(deterministic=True))}
