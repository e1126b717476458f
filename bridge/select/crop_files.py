"""Write crops as pairs of image and label image for ilastik, StarDist and Fiji.

``images/NAME_crop.tif`` and ``labels/NAME_crop_labels.tif`` are ImageJ TIFFs; haug2's notebooks
call them ``images/NAME.tif`` and ``masks/NAME_mask.tif``. The HDF5 files are ilastik's: dataset
``data`` (the channels last) and ``labels``, each with ``axistags``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import h5py
import numpy as np

from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes, writing
from bridge.formats.axistags import axistags
from bridge.formats.spreadsheet_text import guard_frame
from bridge.images import Image
from bridge.images.hyperstack import write_hyperstack
from bridge.select.cropping import Crop

FORMATS = ("tif", "h5")
IMAGE_DATASET = "data"

Layout = Literal["starbridge", "haug2"]
"""Ways to name crops."""

LAYOUTS: tuple[str, ...] = get_args(Layout)

_CHUNK = 256
_NAMES: Mapping[str, tuple[str, str, str]] = {
    "starbridge": ("images/{}_crop", "labels/{}_crop_labels", "labels/{}_crop_objects.csv"),
    "haug2": ("images/{}", "masks/{}_mask", "masks/{}_objects.csv"),
}


def crop_paths(name: str, formats: Iterable[str], layout: Layout = "starbridge") -> dict[str, str]:
    """Return the files of a crop by their content, relative to the folder of crops.

    Args:
        name: of the whole image.
        formats: of :data:`FORMATS`.
        layout: how they are called.

    Raises:
        BadInputError: an unknown format or layout.

    >>> crop_paths("Pa_s1", ["tif"])["labels tif"]
    'labels/Pa_s1_crop_labels.tif'
    >>> crop_paths("Pa_s1", ["tif"], "haug2")["labels tif"]
    'masks/Pa_s1_mask.tif'
    """
    if layout not in _NAMES:
        raise BadInputError(
            "layout", f"{layout!r} is not one of them", f"choose from {', '.join(LAYOUTS)}"
        )
    image, labels, objects = (pattern.replace("{}", name) for pattern in _NAMES[layout])
    paths = {}
    for kind in formats:
        if kind not in FORMATS:
            raise BadInputError(
                "format", f"{kind!r} is not one of them", f"choose from {', '.join(FORMATS)}"
            )
        paths[f"image {kind}"] = f"{image}.{kind}"
        paths[f"labels {kind}"] = f"{labels}.{kind}"
    return {**paths, "objects": objects}


def write_crop(crop: Crop, folder: Path, paths: Mapping[str, str]) -> None:
    """Write a crop: the image, its label image and the table of its nuclei.

    ImageJ's TIFF holds 8 and 16 bit whole numbers and 32-bit floats; other types become floats
    there, HDF5 keeps them.

    Args:
        crop: the crop.
        folder: the folder of crops.
        paths: files by their content, all or some of :func:`crop_paths`.

    Raises:
        BadInputError: more than 4 GB in a TIFF, or a file cannot be written.
    """
    for kind, relative in paths.items():
        path = folder / relative
        if kind == "objects":
            with writing(path) as part:
                guard_frame(crop.objects).to_csv(part, index=False, lineterminator="\n")
        elif kind.startswith("labels"):
            crop.nuclei.write(path)
        elif kind == "image tif":
            write_hyperstack(crop.image, path)
        else:
            write_image_hdf5(crop.image, path)


def write_image_hdf5(image: Image, path: Path) -> None:
    """Write an image in ilastik's order of axes: T, Z, Y, X, C, those of size 1 left out.

    The attribute ``axistags`` is VIGRA's JSON, ``element_size_um`` the pixel size in the order of
    the axes, and ``image`` the image's further metadata, such as channel names.

    Args:
        image: the image.
        path: the ``.h5`` file, dataset ``data``.

    Raises:
        BadInputError: the file cannot be written.
    """
    axes = "".join(axis for axis in "TZ" if image.size(axis) > 1) + "YXC"
    values = np.empty(
        (image.size("T"), image.size("Z"), image.height, image.width, image.size("C")), image.dtype
    )
    for t, z in image.planes():
        for channel in range(image.size("C")):
            values[t, z, ..., channel] = image.plane(channel, z=z, t=t)
    values = values.reshape([image.size(axis) for axis in axes])
    chunks = {"T": 1, "Z": 1, "C": image.size("C")}
    # The HDF5 library crashes the process when a disk fills up under an open file: the compressed
    # file is made in memory and written in one piece.
    with h5py.File.in_memory() as file:
        dataset = file.create_dataset(
            IMAGE_DATASET,
            data=values,
            chunks=tuple(
                chunks.get(axis, min(_CHUNK, size))
                for axis, size in zip(axes, values.shape, strict=True)
            ),
            compression="gzip",
            compression_opts=1,
            shuffle=True,
        )
        dataset.attrs["axistags"] = axistags(axes, image.pixel_size)
        dataset.attrs["image"] = json.dumps(image.info.to_json())
        if sizes := _element_size(image):
            dataset.attrs["element_size_um"] = sizes
        file.flush()
        write_bytes(path, file.id.get_file_image())


def _element_size(image: Image) -> list[Any]:
    size = image.pixel_size
    if size is None:
        return []
    return [size.y, size.x] if size.z is None else [size.z, size.y, size.x]
