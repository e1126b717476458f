"""Description of an image without its pixels: name, size, pixel size, channels."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from bridge.errors import BadInputError


@dataclass(frozen=True)
class PixelSize:
    """Distance between neighbouring pixels, in µm.

    Raises:
        BadInputError: a size that is not a finite number above 0.

    >>> PixelSize(y=0.325, x=0.325, z=1.0).yx
    0.325
    """

    y: float
    x: float
    z: float | None = None

    def __post_init__(self) -> None:
        for axis, value in (("y", self.y), ("x", self.x), ("z", self.z)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise BadInputError(
                    "pixel size",
                    f"{value} µm along {axis} is not a length",
                    "give µm per pixel, a number above 0",
                )

    @property
    def yx(self) -> float:
        """Geometric mean of the two sides, µm: the side of a square pixel of the same area."""
        return math.sqrt(self.y * self.x)


@dataclass(frozen=True)
class ImageInfo:
    """The name, size, pixel size and channels of an image.

    Attributes:
        name: base name without folder and format ending, ``""`` where unknown.
        path: where the image was read from, ``None`` for an array.
        width, height: pixels; ``None`` where unknown (a table does not say).
        size_z, size_t: number of slices and of time points.
        pixel_size: µm, ``None`` where unknown.
        channels: channel names in file order.
        coordinates: ``file``, or ``shown`` where objects lie as QuPath shows an image that it made
            of its file by turning or cutting.

    >>> ImageInfo(name="section", width=40, height=30).to_json()["width"]
    40
    """

    name: str = ""
    path: str | None = None
    width: int | None = None
    height: int | None = None
    size_z: int = 1
    size_t: int = 1
    pixel_size: PixelSize | None = None
    channels: tuple[str, ...] = ()
    coordinates: str = "file"

    @property
    def label_axes(self) -> str:
        """Axes of the image's label image: ``YX``, ``ZYX``, ``TYX`` or ``TZYX``."""
        return "T" * (self.size_t > 1) + "Z" * (self.size_z > 1) + "YX"

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON, readable by :meth:`from_json`."""
        record = asdict(self)
        record["channels"] = list(self.channels)
        if self.coordinates == "file":
            del record["coordinates"]
        return record

    @classmethod
    def from_json(cls, record: Any) -> ImageInfo:
        """Read what :meth:`to_json` wrote; values that do not fit are left unknown.

        The record of a file may be edited or damaged, which must not stop its objects' reading.
        """
        if not isinstance(record, dict):
            return cls()

        def positive(key: str) -> int | None:
            value = record.get(key)
            ok = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31
            return value if ok else None

        def text(key: str) -> str | None:
            value = record.get(key)
            # JSON may hold half a character, of which no text can be written.
            return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None

        channels = record.get("channels")
        return cls(
            name=text("name") or "",
            path=text("path"),
            width=positive("width"),
            height=positive("height"),
            size_z=positive("size_z") or 1,
            size_t=positive("size_t") or 1,
            pixel_size=_pixel_size_from_json(record.get("pixel_size")),
            channels=tuple(str(c).encode("utf-8", "replace").decode() for c in channels)
            if isinstance(channels, list)
            else (),
            coordinates="shown" if record.get("coordinates") == "shown" else "file",
        )


def _pixel_size_from_json(record: Any) -> PixelSize | None:
    if not isinstance(record, dict):
        return None
    try:
        z = record.get("z")
        return PixelSize(float(record["y"]), float(record["x"]), None if z is None else float(z))
    except (KeyError, TypeError, ValueError, OverflowError, BadInputError):
        return None
