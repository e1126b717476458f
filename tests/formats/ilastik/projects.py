"""Projects for tests, written by h5py alone, by the layout that ilastik itself writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

FILTERS = (
    "GaussianSmoothing",
    "LaplacianOfGaussian",
    "GaussianGradientMagnitude",
    "DifferenceOfGaussians",
    "StructureTensorEigenvalues",
    "HessianOfGaussianEigenvalues",
)


def tags(axes: str) -> str:
    """Return axistags as ilastik writes them."""
    flags = {"t": 8, "c": 1}
    return json.dumps(
        {
            "axes": [
                {"key": a, "typeFlags": flags.get(a, 2), "resolution": 0, "description": ""}
                for a in axes.lower()
            ]
        }
    )


def describe(
    group: h5py.Group, path: str, axes: str, shape: Sequence[int], **others: object
) -> None:
    """Describe an image of a lane."""
    values: dict[str, Any] = {
        "__class__": b"RelativeFilesystemDatasetInfo",
        "axistags": tags(axes).encode(),
        "filePath": path.encode(),
        "location": b"FileSystem",
        "nickname": Path(path).stem.encode(),
        "shape": np.array(shape, np.int64),
        "allowLabels": True,
        **others,
    }
    for name, value in values.items():
        group[name] = value


def write_project(
    path: Path,
    *,
    version: str = "1.4.0",
    lanes: Sequence[tuple[str, str, Sequence[int]]] = (("a.tif", "yx", (30, 40)),),
    classes: Sequence[str] = ("background", "nucleus"),
    blocks: Mapping[int, Sequence[tuple[str, NDArray[Any], str | None]]] | None = None,
) -> Path:
    """Write a pixel classification project.

    Args:
        path: the project.
        version: of ilastik.
        lanes: path, axes and shape of each image.
        classes: names of the classes.
        blocks: for each lane, ``blockSlice``, values and axes of its blocks of brush strokes.
    """
    with h5py.File(path, "w") as file:
        file["ilastikVersion"] = version.encode()
        file["workflowName"] = b"Pixel Classification"
        file["time"] = b"Sat Aug 10 20:52:57 2024"
        file["Input Data/Role Names"] = [b"Raw Data", b"Prediction Mask"]
        file["Input Data/StorageVersion"] = b"0.2"
        for number, (name, axes, shape) in enumerate(lanes):
            lane = file.create_group(f"Input Data/infos/lane{number:04d}")
            describe(lane.create_group("Raw Data"), name, axes, shape)
            lane.create_group("Prediction Mask")
        features = file.create_group("FeatureSelections")
        features["FeatureIds"] = [name.encode() for name in FILTERS]
        features["Scales"] = [0.3, 1.0]
        features["SelectionMatrix"] = np.array([[True, True], *[[False, True]] * 5])
        group = file.create_group("PixelClassification")
        names = [name.encode() for name in classes] or np.empty(1)
        group["LabelNames"] = names
        group["LabelNames"].attrs["isEmpty"] = not classes
        group["LabelColors"] = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]])[: len(classes)]
        sets = group.create_group("LabelSets")
        for number, some in (blocks or {}).items():
            here = sets.create_group(f"labels{number:03d}")
            for index, (place, values, axes_of_block) in enumerate(some):
                node = here.create_dataset(f"block{index:04d}", data=values)
                node.attrs["blockSlice"] = place
                if axes_of_block is not None:
                    node.attrs["axistags"] = tags(axes_of_block)
    return path
