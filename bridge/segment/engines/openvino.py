"""Intel's OpenVINO on the processor: the same numbers as TensorFlow's, sooner and without it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import MissingPartError
from bridge.files.threads import allowed_threads
from bridge.model.folder import ModelFolder
from bridge.model.network import Network
from bridge.model.onnx_graph import onnx_bytes
from bridge.model.telemetry import disable_telemetry
from bridge.segment.engines.base import (
    NO_MARGINS,
    SMALLEST_DISTANCE,
    Margins,
    Prediction,
    explained,
    without,
)
from bridge.segment.engines.receptive_field import Narrowing
from bridge.segment.engines.unet import UnetTiles, channels_first, read_unet


class OpenVinoEngine(UnetTiles):
    """A StarDist 2D model in OpenVINO.

    Args:
        model: the model folder.
        quantised: the network in 8-bit integers, an OpenVINO model as
            :func:`bridge.segment.engines.int8.quantise` makes it; ``None`` for the network as
            it was trained.

    Raises:
        MissingPartError: OpenVINO is not installed.
        BadInputError: a network of another kind than StarDist's own U-Net, or weights that are
            damaged or belong to another architecture.
    """

    device = "CPU"

    def __init__(self, model: ModelFolder, quantised: Any = None) -> None:
        super().__init__(model)
        openvino = library()
        from openvino.properties import hint, inference_num_threads

        self.name = "openvino" if quantised is None else "openvino int8"
        self.versions = {"openvino": version("openvino")}
        self._network = read_unet(model)
        settings: dict[str, Any] = {
            # Processors with bfloat16 would otherwise be given that: two digits in place of seven.
            hint.inference_precision(): openvino.Type.f32,
            hint.performance_mode(): hint.PerformanceMode.LATENCY,
            # Processes that share a machine must not all sit on its first cores.
            hint.enable_cpu_pinning(): False,
        }
        if threads := allowed_threads():
            settings[inference_num_threads()] = threads
        graph = openvino_graph(self._network, model.grid) if quantised is None else quantised
        self._narrowing = Narrowing(self._network, model.grid)
        graph = cropped(graph, self._narrowing)
        # Shapes stay open: tiles of a plane have four, and four compiled networks would hold the
        # memory of four.
        compiled = openvino.Core().compile_model(graph, self.device, settings)
        self._request = compiled.create_infer_request()

    @property
    def bytes_per_pixel(self) -> float:
        """What OpenVINO was seen to hold per pixel of a tile."""
        return super().bytes_per_pixel / 2

    def predict(
        self, tile: NDArray[Any], margins: Margins = NO_MARGINS, least_prob: float = 0.0
    ) -> Prediction:
        """Run the network on one (height, width, channels) float32 tile.

        Raises:
            BadInputError: the tile does not fit into memory.
        """
        crops, around = self._narrowing.crops(margins)
        try:
            self._request.infer({0: channels_first(tile), 1: crops}, share_inputs=True)
        except (RuntimeError, MemoryError) as error:
            raise explained(error, tile) from error
        heads = [
            np.moveaxis(self._request.get_output_tensor(i).data[0], 0, -1)
            for i in range(len(self._network.heads))
        ]
        prediction = Prediction(heads[0][..., 0], heads[1], heads[2] if len(heads) > 2 else None)
        return without(around, prediction, (1, 1))


def library() -> Any:
    """The module ``openvino``.

    Raises:
        MissingPartError: it is not installed.
    """
    disable_telemetry()
    try:
        import onnx  # noqa: F401 - what the network is handed over in
        import openvino
    except ImportError as error:
        raise MissingPartError(
            "openvino", "run a model in OpenVINO", error.name or "openvino"
        ) from error
    return openvino


def openvino_graph(network: Network, grid: tuple[int, ...]) -> Any:
    """A network as an ``openvino.Model`` of any tile size, an output a head, channels first.

    No distance is shorter than StarDist allows.

    Args:
        network: as :func:`bridge.segment.engines.unet.read_unet` gives it.
        grid: pixels between its predictions.
    """
    openvino = library()
    from openvino import opset13 as operations

    joined = openvino.Core().read_model(onnx_bytes(network, grid))
    # Joining the heads would only copy the largest array that there is.
    join = joined.get_results()[0].input_value(0).get_node()
    heads = [join.input_value(i) for i in range(join.get_input_size())]
    shortest = operations.constant(np.float32(SMALLEST_DISTANCE))
    heads[1] = operations.maximum(heads[1], shortest).output(0)
    results = [operations.result(head) for head in heads]
    return openvino.Model(results, joined.get_parameters(), "stardist")


def cropped(graph: Any, narrowing: Narrowing) -> Any:
    """A copy of an ``openvino.Model`` that crops what enters each join, by its second input.

    Args:
        graph: as of :func:`openvino_graph`, quantised or not.
        narrowing: where; its ``crops`` are the second input.
    """
    openvino = library()
    from openvino import opset13 as operations

    copy = graph.clone()
    crops = operations.parameter([-1, 4], openvino.Type.i64, name="crops")
    axes, steps = (operations.constant(np.array(v, np.int64)) for v in ([2, 3], [1, 1]))
    zero = operations.constant(np.int64(0))
    by_name = {node.get_friendly_name(): node for node in copy.get_ops()}
    row = 0
    for join in narrowing.joins:
        node = by_name[join.name]
        for port in range(node.get_input_size()):
            source = node.input_value(port)
            crop = operations.gather(crops, operations.constant(np.int64(row)), zero)
            begin, end = operations.split(crop, zero, 2).outputs()
            size = operations.gather(operations.shape_of(source), axes, zero)
            kept = operations.slice(source, begin, operations.subtract(size, end), steps, axes)
            node.input(port).replace_source_output(kept.output(0))
            row += 1
    copy.add_parameters([crops])
    copy.validate_nodes_and_infer_types()
    return copy
