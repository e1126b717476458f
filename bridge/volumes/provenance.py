"""Origin of a prepared volume: the image it was made of, and how its voxels relate to that image's.

Kept as JSON in an attribute of the dataset, and handed on to all that is made of the volume.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bridge.errors import BadInputError

if TYPE_CHECKING:
    from bridge.volumes.voxels import Triple

ATTRIBUTE = "starbridge_volume"
"""Name of the attribute of an HDF5 dataset."""

_LARGEST_TEXT = 2**20


@dataclass(frozen=True)
class Provenance:
    """The image that a volume was made of.

    A prepared volume covers the same space as its image: its corner lies on the image's corner
    (corner of the first voxel, not its centre), and its opposite corner on the image's. So a
    position in µm from that corner is the same in both, and one in voxels is the image's position
    times the factor of its axis.

    Attributes:
        source: path or URL of the image.
        shape: (z, y, x) of the image.
        voxel: of the image, in µm along z, y and x.
        written_shape: (z, y, x) of the prepared volume.

    >>> made = Provenance("stack.tif", (40, 454, 454), (1.0, 0.36, 0.36), (40, 151, 151))
    >>> [round(size, 4) for size in made.written_voxel]
    [1.0, 1.0824, 1.0824]
    >>> made.to_image_voxels((4.0, 0.0, 151.0))
    (4.0, 0.0, 454.0)
    """

    source: str
    shape: tuple[int, int, int]
    voxel: Triple
    written_shape: tuple[int, int, int]

    @property
    def factors(self) -> Triple:
        """Voxels of the volume for each voxel of the image, along z, y and x.

        The true ones, by the sizes (151 / 454), not those that were asked for (1 / 3).
        """
        z, y, x = (a / b for a, b in zip(self.written_shape, self.shape, strict=True))
        return z, y, x

    @property
    def written_voxel(self) -> Triple:
        """Voxel size of the prepared volume, in µm along z, y and x."""
        z, y, x = (
            size * a / b
            for size, a, b in zip(self.voxel, self.shape, self.written_shape, strict=True)
        )
        return z, y, x

    def to_image_voxels(self, position: Triple) -> Triple:
        """Return where a position of the prepared volume lies in its image.

        Args:
            position: (z, y, x) in voxels of the prepared volume, from the corner.

        Returns:
            (z, y, x) in voxels of the image, from the corner.
        """
        z, y, x = (
            at * a / b for at, a, b in zip(position, self.shape, self.written_shape, strict=True)
        )
        return z, y, x

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        record = {**asdict(self), "factors": self.factors}
        return {key: list(v) if isinstance(v, tuple) else v for key, v in record.items()}

    def to_text(self) -> str:
        """Return the text of the attribute."""
        return json.dumps(self.to_json(), ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str, source: str) -> Provenance:
        """Read the text of the attribute.

        Args:
            text: what :meth:`to_text` returned.
            source: the file, named in errors.

        Raises:
            BadInputError: it was damaged or edited, so that positions would be wrong.
        """
        try:
            if len(text) > _LARGEST_TEXT:
                raise ValueError("too long")
            record = json.loads(text)
            made = cls(
                str(record["source"]),
                _shape(record["shape"]),
                _triple(record["voxel"]),
                _shape(record["written_shape"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise BadInputError(
                source,
                f"says in a way that cannot be read what it was made of (attribute {ATTRIBUTE})",
                "prepare it again with starbridge volume prepare",
            ) from error
        return made


def _shape(values: Any) -> tuple[int, int, int]:
    z, y, x = values
    if not all(type(n) is int and 0 < n < 2**31 for n in (z, y, x)):
        raise ValueError("no shape")
    return z, y, x


def _triple(values: Any) -> Triple:
    z, y, x = (float(value) for value in values)
    if not all(math.isfinite(n) and n > 0 for n in (z, y, x)):
        raise ValueError("no lengths")
    return z, y, x
