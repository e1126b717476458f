"""The attribute by which vigra and ilastik know the axes of a dataset in an HDF5 file."""

from __future__ import annotations

import json

from bridge.images.info import PixelSize

_TYPE_FLAGS = {"t": 8, "z": 2, "y": 2, "x": 2, "c": 1}


def axistags(axes: str, pixel_size: PixelSize | None = None) -> str:
    """Describe axes as vigra and ilastik do.

    Args:
        axes: letters of TZYXC in the order of the dataset's axes.
        pixel_size: noted as resolution in µm, where known.

    Returns:
        JSON text for the attribute ``axistags``.

    >>> [axis["key"] for axis in json.loads(axistags("ZYX"))["axes"]]
    ['z', 'y', 'x']
    """
    return json.dumps(
        {
            "axes": [
                {
                    "key": axis.lower(),
                    "typeFlags": _TYPE_FLAGS[axis.lower()],
                    "resolution": getattr(pixel_size, axis.lower(), None) or 0,
                    "description": "",
                }
                for axis in axes
            ]
        }
    )
