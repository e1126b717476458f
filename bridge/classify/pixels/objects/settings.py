"""Settings by which objects are made of a map."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from bridge.errors import BadInputError

Cut = Literal["imagej", "distance", "probability", "none"]
"""Ways to cut touching objects apart.

``imagej``: lines between the maxima of the distance map, as ImageJ's *Watershed*; ``distance`` and
``probability``: scikit-image's watershed of the distance map or of the map itself, from maxima that
are at least a distance apart; ``none``: not at all.
"""

CUTS: tuple[str, ...] = get_args(Cut)


@dataclass(frozen=True)
class ObjectSettings:
    """Settings by which objects are made of a map.

    Attributes:
        cutoff: least probability of an object; ``None``: Otsu's method finds it in each plane.
        low: least probability of an object's pixels, where only some need reach ``cutoff``
            (hysteresis); ``None``: all must.
        sigma: standard deviation of a Gaussian that smooths the map first, pixels.
        holes: fill holes.
        cut: how touching objects are cut apart.
        spacing: least distance between the middles of objects for ``distance`` and ``probability``,
            pixels.
        smallest: least area of an object, pixels.
        greatest: largest area, pixels; ``None``: any.
        drop_border: leave out objects that touch the border of the image.

    Raises:
        BadInputError: a number that makes no sense.

    >>> ObjectSettings(cutoff=0.6, smallest=0).cut
    'imagej'
    """

    cutoff: float | None = 0.5
    low: float | None = None
    sigma: float = 0.0
    holes: bool = True
    cut: Cut = "imagej"
    spacing: int = 5
    smallest: float = 30
    greatest: float | None = None
    drop_border: bool = False

    def __post_init__(self) -> None:
        cutoff, low, greatest = self.cutoff, self.low, self.greatest
        if cutoff is not None and not 0 < cutoff <= 1:
            raise _no_number("cutoff", cutoff, "give a probability above 0, at most 1")
        if low is not None and cutoff is None:
            raise BadInputError("low", "needs a fixed cutoff", "leave --low or --otsu away")
        if low is not None and cutoff is not None and not 0 < low <= cutoff:
            raise _no_number("low", low, "give a probability above 0, at most the cutoff")
        if not 0 <= self.sigma <= 1000:
            raise _no_number("sigma", self.sigma, "give pixels from 0 to 1000")
        if self.cut not in CUTS:
            raise BadInputError("cut", f"{self.cut!r} is no way", f"choose from {', '.join(CUTS)}")
        if self.spacing < 1:
            raise _no_number("spacing", self.spacing, "give pixels, at least 1")
        if not self.smallest >= 0:
            raise _no_number("smallest", self.smallest, "give an area in pixels, at least 0")
        if greatest is not None and not greatest >= max(self.smallest, 1):
            raise _no_number("greatest", greatest, "give an area in pixels, at least the smallest")

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return asdict(self)


def _no_number(name: str, value: float, remedy: str) -> BadInputError:
    return BadInputError(name, f"{value:g} is not possible", remedy)
