"""A mesh of a million faces from a probability volume, beside the tutorial's own steps.

``python -m benchmarks.volume_meshes [DEPTH HEIGHT WIDTH]``: a simulated folded layer (default
256 x 512 x 512 voxels, float32), smoothed by 3 voxels, at 0.5, to ``.obj``; whole processes, from
the file to the file. The tutorial's steps are those of blender_tissue_cartography: SciPy's
Gaussian, libigl's marching cubes (``pip install libigl``; without it scikit-image's, several times
as fast), a line of text at a time. Bars: 10 s, 3 times the volume's memory, 4 times as fast.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import h5py
import numpy as np

from bridge.formats.axistags import axistags

_VOXEL = (1.0, 1.0, 1.0)
_SIGMA = 3
_MIB = 2**20


def write_layer(path: Path, shape: tuple[int, int, int]) -> None:
    """Write probabilities of a layer with folds, as ilastik does."""
    depth, height, width = shape
    z, y, x = (np.arange(n, dtype=np.float32) for n in shape)
    fold = depth / 2 + 0.1 * depth * np.sin(y / height * 9)[:, None] * np.sin(x / width * 7)
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset(
            "exported_data", shape, np.float32, chunks=(min(64, depth), 64, 64)
        )
        dataset.attrs["axistags"] = axistags("zyx")
        for start in range(0, depth, 32):
            away = np.abs(z[start : start + 32, None, None] - fold) - 0.08 * depth
            dataset[start : start + 32] = 1 / (1 + np.exp(np.clip(away, -30, 30)))


def tutorial(source: str, out: str) -> None:
    """Do the tutorial's steps."""
    from scipy.ndimage import gaussian_filter
    from skimage.measure import marching_cubes

    with h5py.File(source) as file:
        values = file["exported_data"][...]
    smooth = gaussian_filter(values, _SIGMA)
    try:
        import igl
    except ImportError:
        vertices, faces, _, _ = marching_cubes(smooth, 0.5)  # type: ignore[no-untyped-call]
    else:
        grid = np.meshgrid(*[np.arange(n, dtype=float) for n in smooth.shape], indexing="ij")
        points = np.column_stack([axis.ravel(order="F") for axis in grid])
        flat = smooth.ravel(order="F").astype(float)
        vertices, faces = igl.marching_cubes(flat, points, *smooth.shape, 0.5)[:2]
    with Path(out).open("w", encoding="ascii") as file:
        file.writelines([f"v {z} {y} {x}\n" for z, y, x in vertices])
        file.writelines([f"f {a + 1} {b + 1} {c + 1}\n" for a, b, c in faces])


def measured(command: list[str]) -> tuple[float, float, float]:
    """Run a process; return its seconds, those of its processor time, and its peak MiB."""
    # Where Python may not keep what it compiled, loading libraries would take half of the time.
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=kept
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--tutorial"]:
        tutorial(*sys.argv[2:4])
        return
    given = [int(n) for n in sys.argv[1:4]]
    depth, height, width = given if len(given) == 3 else (256, 512, 512)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, small = folder / "layer.h5", folder / "small.h5"
        write_layer(source, (depth, height, width))
        write_layer(small, (96, 128, 128))
        ours = [sys.executable, "-m", "bridge.cli", "volume", "mesh", "--no-show", "--overwrite"]
        ours += ["--voxel", ",".join(map(str, _VOXEL)), "--smooth", f"{_SIGMA}px"]
        theirs = [sys.executable, "-m", "benchmarks.volume_meshes", "--tutorial"]
        measured([*ours, str(small), "--out", str(folder / "small.obj")])  # compiles
        own = measured([*ours, str(source), "--out", str(folder / "ours.obj")])
        peer = measured([*theirs, str(source), str(folder / "theirs.obj")])
        with (folder / "ours.obj").open("rb") as file:
            faces = sum(line.startswith(b"f ") for line in file)
        library = "libigl" if find_spec("igl") else "scikit-image"
        volume = 4 * depth * height * width / _MIB
        print(
            "| | s | CPU s | times as fast | peak MiB | times the volume |\n"
            "|---|---|---|---|---|---|"
        )
        print(
            f"| the tutorial's steps, {library} | {peer[0]:.1f} | {peer[1]:.1f} | | {peer[2]:.0f} "
            f"| {peer[2] / volume:.1f} |"
        )
        print(
            f"| starbridge volume mesh | {own[0]:.1f} | {own[1]:.1f} | {peer[0] / own[0]:.1f} "
            f"| {own[2]:.0f} | {own[2] / volume:.1f} |"
        )
        load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
        print(
            f"\n{depth} x {height} x {width} voxels, {volume:.0f} MiB as float32; {faces:,} faces; "
            f"load of the machine {load}, {os.cpu_count()} cores"
        )


if __name__ == "__main__":
    main()
