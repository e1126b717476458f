"""A simulated epithelium for the tutorial of volumes: its stack, brush strokes, and its surface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from bridge.examples.cells import draw_strokes
from bridge.examples.epithelium import CHANNELS, Epithelium, simulate_epithelium
from bridge.files.atomic import write_bytes
from bridge.images import from_array
from bridge.images.hyperstack import write_hyperstack
from bridge.volumes.meshes.files import write_meshes
from bridge.volumes.meshes.measuring import measure_meshes, write_table
from bridge.volumes.meshes.mesh import Mesh
from bridge.volumes.subsampling import isotropic_shape
from bridge.volumes.voxels import Triple

NAME = "epithelium"

SHAPE = (48, 154, 190)
"""(z, y, x) of the stack. Neither side is a whole number of µm long."""

VOXEL: Triple = (1.0, 0.36, 0.36)
"""µm along z, y and x."""

_SEED = 1
_GRID = 2  # pixels between vertices of the true surface
_GZIP_LEVEL = 4
_SLICES, _SECTIONS = (6, 12, 18, 24, 30, 36, 42), (10, 28, 45)  # z and y that are painted on
_IN_SLICE, _IN_SECTION = 2, 4  # strokes of each class

_SCALE = """\
// scale.ijm: Image > Scale... to voxels of about 1 um, and File > Save As > Tiff...
#@ File image
#@ File folder
open(image);
run("Scale...", "width=%d height=%d depth=%d interpolation=Bilinear average process create");
saveAs("Tiff", folder + "/scaled.tif");
// Not so: a factor makes the same voxels, and calls them 1 um long, which they are not.
close();
run("Scale...", "x=%g y=%g z=1.0 interpolation=Bilinear average process create");
saveAs("Tiff", folder + "/scaled_by_factors.tif");
"""


def write_volume_tutorial(out: Path) -> list[Path]:
    """Write a simulated stack of an epithelium, brush strokes, and its true surface.

    Args:
        out: folder for ``images/epithelium.tif`` (two channels, slices farther apart than pixels);
            ``strokes/``, painted on that stack with isotropic voxels; ``fiji/``, a macro, and the
            stack in HDF5 as two plugins of Fiji lay it out; and ``truth/``, the surface of the
            tissue, its volume and area.

    Returns:
        The stack.

    Raises:
        BadInputError: the folder cannot be written.
    """
    made = simulate_epithelium(SHAPE, voxel=VOXEL, seed=_SEED)
    image = out / "images" / f"{NAME}.tif"
    for folder in ("images", "strokes", "fiji", "truth"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    stack = from_array(made.image, axes="CZYX", channels=CHANNELS, pixel_size=VOXEL)
    write_hyperstack(stack, image)
    shape = isotropic_shape(SHAPE, VOXEL)
    voxel = _voxel_of(shape)
    strokes = from_array(_paint(_classes(made, shape, voxel)), axes="ZYX", pixel_size=voxel)
    write_hyperstack(strokes, out / "strokes" / f"{NAME}.tif")
    macro = _SCALE % (*reversed(shape), VOXEL[2] / VOXEL[0], VOXEL[1] / VOXEL[0])
    write_bytes(out / "fiji" / "scale.ijm", macro.encode())
    _write_as_fiji(made.image, out / "fiji")
    surface = true_surface(made)
    write_meshes(out / "truth" / "surface.obj", [surface])
    write_table(out / "truth" / "surface_meshes.csv", measure_meshes([surface]))
    return [image]


def true_surface(made: Epithelium) -> Mesh:
    """Return the closed surface of the tissue; it ends where the stack ends.

    Vertices are two pixels apart; the enclosed volume is exact.

    >>> made = simulate_epithelium((24, 40, 50), thickness=8.0)
    >>> mesh = true_surface(made)
    >>> mesh.is_watertight, round(mesh.volume, 3), 8.0 * 16 * 20
    (True, 2560.0, 2560.0)
    """
    _, height, width = made.shape
    rows, columns = height // _GRID + 1, width // _GRID + 1
    y, x = np.meshgrid(
        np.linspace(0, height * made.voxel[1], rows),
        np.linspace(0, width * made.voxel[2], columns),
        indexing="ij",
    )
    sheets = [np.stack([z, y, x], axis=-1).reshape(-1, 3) for z in made.surfaces(y, x)]
    numbers = np.arange(rows * columns).reshape(rows, columns)
    a, b = numbers[:-1, :-1].ravel(), numbers[:-1, 1:].ravel()
    c, d = numbers[1:, :-1].ravel(), numbers[1:, 1:].ravel()
    upper = np.concatenate([np.stack(corners, axis=1) for corners in ((a, b, d), (a, d, c))])
    lower = upper[:, ::-1] + numbers.size
    # the border of the upper sheet, in the direction of its faces
    border = np.concatenate(
        [numbers[0, :-1], numbers[:-1, -1], numbers[-1, :0:-1], numbers[:0:-1, 0]]
    )
    following = np.roll(border, -1)
    below, following_below = border + numbers.size, following + numbers.size
    walls = [(following, border, below), (following, below, following_below)]
    faces = np.concatenate([upper, lower, *(np.stack(each, axis=1) for each in walls)])
    return Mesh(np.concatenate(sheets), faces.astype(np.int32), name="true surface")


def _voxel_of(shape: tuple[int, int, int]) -> Triple:
    """Return the voxel size of the whole stack with so many voxels."""
    z, y, x = (n * size / m for n, size, m in zip(SHAPE, VOXEL, shape, strict=True))
    return z, y, x


def _classes(made: Epithelium, shape: tuple[int, int, int], voxel: Triple) -> NDArray[np.uint8]:
    """Return the class of each voxel by its centre: 1 background, 2 tissue."""
    z, y, x = ((np.arange(n) + 0.5) * size for n, size in zip(shape, voxel, strict=True))
    upper, lower = made.surfaces(y[:, np.newaxis], x[np.newaxis])
    z = z[:, np.newaxis, np.newaxis]
    return np.where((z > upper) & (z < lower), 2, 1).astype(np.uint8)


def _paint(classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return strokes in some slices and some sections of a volume of classes."""
    painted = np.zeros_like(classes)
    for z in _SLICES:
        painted[z] = draw_strokes(classes[z], _IN_SLICE, seed=z)
    for y in _SECTIONS:
        strokes = draw_strokes(classes[:, y], _IN_SECTION, seed=100 + y)
        painted[:, y] = np.where(strokes > 0, strokes, painted[:, y])
    return painted


def _write_as_fiji(image: NDArray[np.uint16], folder: Path) -> None:
    """Write the stack (CZYX) as File > Save As > HDF5... and Plugins > ilastik > Export HDF5 do.

    The first writes a dataset for each channel with µm and without axes (``HDF5ImageJ`` of
    fiji/HDF5_Vibez), the other one in the order TZYXC with neither (``ExportCommand`` of
    ilastik/ilastik4ij).
    """
    sizes = {"element_size_um": np.array(VOXEL, np.float32)}
    by_channel = {f"t0/channel{number}": values for number, values in enumerate(image)}
    _write_hdf5(folder / "hdf5_plugin.h5", by_channel, sizes)
    exported = np.moveaxis(image, 0, -1)[np.newaxis]
    _write_hdf5(folder / "ilastik_plugin.h5", {"data": exported}, {})


def _write_hdf5(
    path: Path, datasets: dict[str, NDArray[np.uint16]], attributes: dict[str, Any]
) -> None:
    with h5py.File.in_memory() as file:
        for name, values in datasets.items():
            dataset = file.create_dataset(
                name, data=values, compression="gzip", compression_opts=_GZIP_LEVEL
            )
            dataset.attrs.update(attributes)
        file.flush()
        write_bytes(path, file.id.get_file_image())
