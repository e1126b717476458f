"""Memory of a 3D network for each voxel of a tile, beside what the engine says.

``python -m benchmarks.volume_memory``: each tile in a process of its own, which says its peak; what
two sizes of tiles differ by is what voxels take. Networks of random weights: memory does not
depend on them. ``KerasVolumeEngine.bytes_per_voxel`` must not be below it.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

MODELS: dict[str, dict[str, Any]] = {
    "U-Net, grid 1, 2, 2": {"grid": (1, 2, 2)},
    "U-Net, grid 1": {"grid": (1, 1, 1)},
    "U-Net, 16 filters": {"grid": (1, 2, 2), "unet_n_filter_base": 16},
    "ResNet, grid 1, 2, 2": {"grid": (1, 2, 2), "backbone": "resnet"},
    "ResNet, grid 1": {"grid": (1, 1, 1), "backbone": "resnet"},
}
TILES = ((32, 64, 64), (32, 160, 160))


def measure(key: str, tile: tuple[int, int, int]) -> None:
    """Print the peak of this process in bytes, and the engine's bytes a voxel."""
    import resource

    import numpy as np
    from stardist.models import Config3D, StarDist3D

    from bridge.model.folder import open_model
    from bridge.segment.engines.keras3d import KerasVolumeEngine

    settings = {"rays": 96, "anisotropy": (2, 1, 1), "n_channel_in": 1} | MODELS[key]
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(io.StringIO()):
            model = StarDist3D(Config3D(**settings), name="model", basedir=folder)
            model.keras_model.save_weights(str(Path(folder, "model", "weights_best.weights.h5")))
        engine = KerasVolumeEngine(open_model(Path(folder, "model"), allow_3d=True))
        engine.predict(np.zeros((*tile, 1), np.float32))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(peak, engine.bytes_per_voxel)


def main() -> None:
    """Measure and print."""
    print("| network | bytes a voxel | as the engine says |\n|---|---|---|")
    for key in MODELS:
        peaks, said = [], 0.0
        for tile in TILES:
            command = [sys.executable, "-m", "benchmarks.volume_memory", key, *map(str, tile)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
            peak, said = map(float, done.stdout.split()[-2:])
            peaks.append(peak)
        small, large = (z * y * x for z, y, x in TILES)
        taken = (peaks[1] - peaks[0]) / (large - small)
        print(f"| {key} | {taken:,.0f} | {said:,.0f} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1], tuple(map(int, sys.argv[2:5])))  # type: ignore[arg-type]
    else:
        main()
