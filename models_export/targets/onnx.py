"""ONNX (.onnx): the model of any image size and, in 2D, one of a fixed size."""

from __future__ import annotations

from bridge.model.network import Network
from bridge.model.onnx_graph import onnx_bytes
from models_export.keras_model import KerasModel
from models_export.targets import TargetSpec

ONNX_SIZE = (512, 512)
"""Image size (y, x) of the variant for programs that take one size only."""


def contents(spec: TargetSpec, model: KerasModel, network: Network) -> dict[str, bytes]:
    """Return the .onnx files; as :class:`TargetSpec` asks."""
    grid, settings = model.folder.grid, model.folder.settings_files()
    any_size, fixed = spec.endings
    files = {any_size: onnx_bytes(network, grid, settings=settings)}
    if network.n_dim == 2:
        files[fixed] = onnx_bytes(network, grid, size=ONNX_SIZE, settings=settings)
    return files
