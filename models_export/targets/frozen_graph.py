"""Frozen graph (.pb): what QuPath's StarDist extension runs in OpenCV.

The format is TensorFlow's ``graph.proto``. The output stays on the model's grid, as QuPath expects.
"""

from __future__ import annotations

from pathlib import Path

from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes
from bridge.model.network import Network
from models_export.graph import build_meta_graph


def write_frozen_graph(network: Network, path: Path) -> None:
    """Write a 2D network for QuPath: probability, rays, then classes where the model has them.

    Args:
        network: the network.
        path: the .pb to write.

    Raises:
        BadInputError: a 3D network, or the file cannot be written.
    """
    if network.n_dim != 2:
        raise BadInputError(
            path,
            "cannot be written for a 3D model: QuPath's StarDist works in 2D only",
            "leave out --to pb, or use --to tf1.15 or --to onnx",
        )
    meta = build_meta_graph(network.with_one_output(classes=True), "1.12")
    write_bytes(path, meta.graph_def.SerializeToString(deterministic=True))
