"""Ways to run a StarDist network. Each offers :class:`Engine`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from bridge.errors import BadInputError

EngineName = Literal["auto", "starbridge", "keras", "openvino", "onnx"]
"""What can be asked for; ``auto`` takes the fastest that is here."""

Precision = Literal["f32", "int8"]
"""Numbers that a network computes with: single precision, or 8-bit integers."""

SMALLEST_DISTANCE = 1e-3
"""StarDist's own bound, pixels: no ray is shorter."""


Margins = tuple[int, int, int, int]
"""Pixels at the top, left, bottom and right of a tile that are only there to be seen."""

NO_MARGINS: Margins = (0, 0, 0, 0)


@dataclass(frozen=True)
class Prediction:
    """What the network says of a tile without its margins, on its grid.

    An engine may reuse the memory: what is to outlive its next prediction is copied. Where no
    object is asked for, as said to :meth:`Engine.predict`, distances and classes may be anything.

    Attributes:
        prob: (height/grid, width/grid) float32, probability that an object is centred here.
        dist: (height/grid, width/grid, rays) float32, distances to its boundary in pixels.
        classes: (height/grid, width/grid, classes + 1) float32, background first; ``None`` for a
            model without classes.
    """

    prob: NDArray[Any]
    dist: NDArray[Any]
    classes: NDArray[Any] | None = None


class Engine(Protocol):
    """A loaded network."""

    name: str
    """As a run's record says it: ``starbridge``, ``keras``, ``openvino``, ``openvino int8``, …"""
    device: str
    """Where it runs: ``CPU``, ``GPU``, ``CUDA``, …"""
    versions: dict[str, str]
    """Versions of the libraries that decide the result."""

    @property
    def divisor(self) -> tuple[int, int]:
        """Height and width of a tile are multiples of these."""

    @property
    def alignment(self) -> tuple[int, int]:
        """Tiles and their cores begin at multiples of these, which the divisors divide.

        Then every number is the same, to the last digit, however a plane is cut.
        """

    @property
    def halo(self) -> tuple[int, int]:
        """How far (y, x) in pixels a prediction looks."""

    @property
    def bytes_per_pixel(self) -> float:
        """What it was seen to hold for each pixel of a tile."""

    def predict(
        self, tile: NDArray[Any], margins: Margins = NO_MARGINS, least_prob: float = 0.0
    ) -> Prediction:
        """Run the network.

        Args:
            tile: (height, width, channels) float32, normalised.
            margins: what of it is not to be predicted; multiples of the divisor.
            least_prob: objects are only asked for where their probability is more.

        Raises:
            BadInputError: out of memory.
        """


def without(margins: Margins, prediction: Prediction, grid: tuple[int, ...]) -> Prediction:
    """A prediction of a whole tile, without its margins.

    Args:
        margins: in pixels.
        prediction: of all of the tile.
        grid: pixels between its predictions.
    """
    top, left, bottom, right = margins
    height, width = prediction.prob.shape
    core = (
        slice(top // grid[0], height - bottom // grid[0]),
        slice(left // grid[1], width - right // grid[1]),
    )
    classes = prediction.classes
    return Prediction(
        prediction.prob[core],
        prediction.dist[core],
        None if classes is None else classes[core],
    )


def explained(error: Exception, tile: NDArray[Any]) -> Exception:
    """What an engine raises where a tile took too much memory; any other error as it is.

    Args:
        error: what its library raised.
        tile: what it was to predict.
    """
    text = f"{type(error).__name__} {error}".lower()
    if not any(word in text for word in ("memory", "alloc", "exhausted")):
        return error
    return BadInputError(
        "image",
        f"a tile of {tile.shape[0]} x {tile.shape[1]} pixels does not fit into memory",
        "use more tiles (--tiles 4x4) or close other programs",
    )
