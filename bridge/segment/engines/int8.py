"""NNCF turns a network's arithmetic into 8-bit integers. The one file that imports it."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import MissingPartError
from bridge.model.telemetry import disable_telemetry


def quantise(graph: Any, tiles: Sequence[NDArray[Any]], *, spare: Sequence[str] = ()) -> Any:
    """Quantise a network after training.

    Weights and what flows between the layers become 8-bit integers; their scales are chosen such
    that they fit what the network sees on the tiles.

    Args:
        graph: an ``openvino.Model``, left as it is.
        tiles: (height, width, channels) float32, normalised as the network takes them.
        spare: names of convolutions that stay in single precision, as the network's steps are
            called.

    Returns:
        An ``openvino.Model``.

    Raises:
        MissingPartError: NNCF is not installed.
    """
    disable_telemetry()
    # It draws progress bars, on stdout too.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            import nncf
        except ImportError as error:
            raise MissingPartError("openvino", "quantise a model", error.name or "nncf") from error
        nncf.set_log_level(logging.CRITICAL)
        batches = [
            np.ascontiguousarray(np.moveaxis(tile, -1, 0)[np.newaxis], np.float32) for tile in tiles
        ]
        # OpenVINO keeps a convolution and its bias under two names.
        names = [
            node.get_friendly_name()
            for node in graph.get_ops()
            if node.get_type_name() == "Convolution"
            and node.get_friendly_name().partition("/")[0] in spare
        ]
        return nncf.quantize(
            graph,
            nncf.Dataset(batches),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(batches),
            ignored_scope=nncf.IgnoredScope(names=names) if names else None,
        )
