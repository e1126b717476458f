"""Weights files, read for comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
from numpy.typing import NDArray


def stored_weights(path: Path) -> list[NDArray[Any]]:
    """Return the arrays of a weights file in the layout of Keras 2, in the layers' order."""
    with h5py.File(path) as file:
        return [
            file[layer][name][()]
            for layer in file.attrs["layer_names"]
            for name in file[layer].attrs["weight_names"]
        ]
