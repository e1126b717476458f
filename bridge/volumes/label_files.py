"""Label volumes as files: HDF5 for ilastik and starbridge, TIFF for Fiji and napari."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes
from bridge.formats.labels import write_label_image
from bridge.images.info import ImageInfo, PixelSize
from bridge.volumes.chunked_hdf5 import LABELS, volume_attributes
from bridge.volumes.provenance import ATTRIBUTE, Provenance

if TYPE_CHECKING:
    from bridge.volumes.voxels import Triple

ENDINGS = (".h5", ".hdf5", ".tif", ".tiff")
"""Endings of the files that are written."""

_CHUNK = 64
_GZIP_LEVEL = 2


def write_labels(
    labels: NDArray[Any], path: Path, voxel: Triple, provenance: Provenance | None = None
) -> None:
    """Write a label volume, complete or not at all.

    HDF5 has the dataset ``labels`` with axes, µm and the origin of the volume. TIFF is an ImageJ
    hyperstack with its µm along z, too; with labels over 65,535, which ImageJ has no whole numbers
    for, an OME-TIFF of 32 bits. TIFF keeps no origin.

    Args:
        labels: uint16 or uint32 (z, y, x).
        path: the file, ``.h5`` or ``.tif``.
        voxel: µm along z, y and x.
        provenance: the image that the volume was made of, where it is known.

    Raises:
        BadInputError: another ending, or the file cannot be written.

    >>> import tempfile
    >>> from bridge.volumes import open_volume
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_labels(np.ones((2, 3, 4), np.uint16), Path(folder) / "a.tif", (2.0, 0.5, 0.5))
    ...     with open_volume(Path(folder) / "a.tif") as volume:
    ...         volume.shape, volume.known_voxel
    ((2, 3, 4), (2.0, 0.5, 0.5))
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise BadInputError(path, "has no ending of a label volume", "give .h5 or .tif")
    z, y, x = voxel
    if ending.startswith(".tif"):
        image = ImageInfo(name=path.stem, pixel_size=PixelSize(y=y, x=x, z=z))
        write_label_image(labels, path, axes="ZYX", image=image)
        return
    note = {} if provenance is None else {ATTRIBUTE: provenance.to_text()}
    # The HDF5 library crashes the process when a disk fills up under an open file: the compressed
    # file, a small part of the labels in memory, is written in one piece.
    with h5py.File.in_memory() as file:
        dataset = file.create_dataset(
            LABELS,
            data=labels,
            chunks=tuple(min(_CHUNK, n) for n in labels.shape),
            compression="gzip",
            compression_opts=_GZIP_LEVEL,
        )
        dataset.attrs.update(volume_attributes("ZYX", voxel) | note)
        file.flush()
        write_bytes(path, file.id.get_file_image())


def smallest_type(largest: int) -> np.dtype[Any]:
    """Return the type of labels up to a number: uint16, or above 65,535 uint32.

    >>> smallest_type(65_536).name
    'uint32'
    """
    return np.dtype(np.uint16 if largest <= np.iinfo(np.uint16).max else np.uint32)
