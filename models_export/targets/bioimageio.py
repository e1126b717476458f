"""bioimage.io package, which the BioImage Model Zoo's programs (DeepImageJ, ilastik, …) load.

The format is bioimage.io's model description 0.5. The network is inside as ONNX; normalisation is
described, so that programs do it themselves; StarDist's thresholds are in the documentation and
under ``config``.
"""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.files.archive import zip_bytes
from bridge.model.folder import ModelFolder
from bridge.model.network import INPUT, OUTPUT, Network
from bridge.model.onnx_graph import OPERATOR_SET, onnx_bytes
from models_export.keras_model import KerasModel
from models_export.targets import TargetSpec

FORMAT_VERSION = "0.5.4"
PAPER = "10.1007/978-3-030-00934-2_30"

_EPSILON = 1e-6  # what bioimage.io adds to the range, so that a black image is no error
_SIZE = 256


def contents(spec: TargetSpec, model: KerasModel, network: Network) -> dict[str, bytes]:
    """Return the .zip with the model, its description and test images, 2D only."""
    source = model.folder
    divisor = model.divisor
    raw = _test_image(divisor, source.n_channels)
    joint = source.recipe.normalize == "joint"
    low, high = (
        np.percentile(raw, percentile, axis=None if joint else (0, 1), keepdims=True)
        for percentile in source.recipe.percentiles
    )
    normalised = ((raw - low) / (high - low + _EPSILON)).astype(np.float32)
    result = np.concatenate(model.predict(normalised), axis=-1)
    files = {
        "model.onnx": onnx_bytes(network, source.grid, settings=source.settings_files()),
        "test_input.npy": _npy(raw),
        "test_output.npy": _npy(result),
        "README.md": _documentation(source).encode(),
    }
    channels = network.with_one_output(classes=True).width_of(OUTPUT)
    description = _description(source, divisor, channels, files)
    # JSON is YAML, and is written the same by every version of its library.
    text = json.dumps(description, indent=2, ensure_ascii=False) + "\n"
    return {spec.endings[0]: zip_bytes({"rdf.yaml": text.encode(), **files})}


def _test_image(divisor: tuple[int, ...], channels: int) -> NDArray[Any]:
    from stardist.data import test_image_nuclei_2d

    height, width = (_SIZE // d * d for d in divisor)
    plane = np.asarray(test_image_nuclei_2d())[:height, :width].astype(np.float32)
    return np.stack([plane / (1 + index) for index in range(channels)], axis=-1)


def _npy(array: NDArray[Any]) -> bytes:
    """Return a (y, x, channels) array as (1, channels, y, x) in numpy's file format."""
    stream = io.BytesIO()
    batch = np.ascontiguousarray(np.moveaxis(array, -1, 0)[np.newaxis], np.float32)
    np.lib.format.write_array(stream, batch, (1, 0), allow_pickle=False)
    return stream.getvalue()


def _description(
    source: ModelFolder, divisor: tuple[int, ...], channels: int, files: dict[str, bytes]
) -> dict[str, Any]:
    def entry(name: str) -> dict[str, str]:
        return {"source": name, "sha256": hashlib.sha256(files[name]).hexdigest()}

    low, high = source.recipe.percentiles
    names = ["probability", *(f"ray{ray}" for ray in range(source.n_rays))]
    names += [f"class{index}" for index in range(channels - len(names))]
    smallest = [max(d, -(-64 // d) * d) for d in divisor]
    input_axes = [
        {"type": "batch"},
        {
            "type": "channel",
            "channel_names": [f"channel{index}" for index in range(source.n_channels)],
        },
        *(
            {"type": "space", "id": axis, "size": {"min": minimum, "step": step}}
            for axis, minimum, step in zip("yx", smallest, divisor, strict=True)
        ),
    ]
    output_axes = [
        {"type": "batch"},
        {"type": "channel", "channel_names": names},
        *(
            {
                "type": "space",
                "id": axis,
                "size": {"tensor_id": INPUT, "axis_id": axis},
                "scale": float(grid),
            }
            for axis, grid in zip("yx", source.grid, strict=True)
        ),
    ]
    return {
        "type": "model",
        "format_version": FORMAT_VERSION,
        "name": f"StarDist {source.file_name}".replace(".", "-"),
        "description": "Finds nuclei as star-convex polygons (StarDist 2D).",
        "authors": [{"name": "unknown"}],
        "cite": [{"text": "Schmidt et al., MICCAI 2018", "doi": PAPER}],
        "license": None,
        "documentation": {"source": "README.md"},
        "tags": ["stardist", "nuclei", "instance-segmentation", "2d"],
        "inputs": [
            {
                "id": INPUT,
                "axes": input_axes,
                "data": {"type": "float32"},
                "test_tensor": entry("test_input.npy"),
                "preprocessing": [
                    {
                        "id": "scale_range",
                        "kwargs": {
                            # those that the percentiles are taken over
                            "axes": ["channel", "y", "x"]
                            if source.recipe.normalize == "joint"
                            else ["y", "x"],
                            "min_percentile": float(low),
                            "max_percentile": float(high),
                            "eps": _EPSILON,
                        },
                    }
                ],
            }
        ],
        "outputs": [
            {
                "id": OUTPUT,
                "axes": output_axes,
                "data": {"type": "float32"},
                "test_tensor": entry("test_output.npy"),
            }
        ],
        "weights": {"onnx": {**entry("model.onnx"), "opset_version": OPERATOR_SET}},
        "config": {
            "starbridge": source.recipe.to_json(),
            "bioimageio": {
                "reproducibility_tolerance": [
                    {"absolute_tolerance": 1e-4, "relative_tolerance": 1e-4}
                ]
            },
        },
    }


def _documentation(source: ModelFolder) -> str:
    recipe = source.recipe
    low, high = recipe.percentiles
    grid = " x ".join(map(str, source.grid))
    together = "of all channels together" if recipe.normalize == "joint" else "of each channel"
    size = f"{recipe.pixel_size:g} µm" if recipe.pixel_size else "not known"
    return f"""# {source.file_name}

A StarDist 2D model. Its output has a probability, then {source.n_rays} distances in pixels from
each grid point to the outline, anticlockwise from the right. Outlines come from non-maximum
suppression of what is above the probability threshold.

| setting | value |
|---|---|
| percentiles brought to 0 and 1 | {low:g} and {high:g} {together} |
| probability threshold | {recipe.prob:g} |
| overlap threshold | {recipe.nms:g} |
| channel | {recipe.channel} |
| pixel size | {size} |
| grid | {grid} |

# Validation

Compare the nuclei that are found with nuclei outlined by hand in images of your own, by the share
of nuclei that overlap by more than half (F1 at IoU 0.5).
"""
