"""Map coordinates between an image's file and what QuPath shows of it.

A project's image may be its file rotated, cropped, flipped or rescaled. Objects that were found in
the file move into QuPath's image on a push, and back on a pull.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import BadInputError
from bridge.images.info import PixelSize

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

    from bridge.detections import Detections
    from bridge.images.info import ImageInfo
    from bridge.review import Changes

Size = tuple[int, int]
"""Width and height in pixels."""

_LEAST_AREA = 1e-12  # of a pixel of the file, below which a transformation has no inverse


@dataclass(frozen=True)
class Affine:
    """An affine map of the plane: ``x' = xx·x + xy·y + dx``, ``y' = yx·x + yy·y + dy``.

    Coordinates are pixels, x right, y down, the origin is the corner of the top-left pixel.

    >>> Affine.rotation(90, 40, 30).apply(0.5, 0.5)  # clockwise: the top left goes to the top right
    (29.5, 0.5)
    """

    xx: float = 1.0
    xy: float = 0.0
    yx: float = 0.0
    yy: float = 1.0
    dx: float = 0.0
    dy: float = 0.0

    @classmethod
    def rotation(cls, degrees: int, width: int, height: int) -> Affine:
        """Return the clockwise rotation of an image by a multiple of 90 degrees.

        Args:
            degrees: 0, 90, 180 or 270.
            width: of the image before it, pixels.
            height: likewise.

        Raises:
            KeyError: another angle.
        """
        return {
            0: cls(),
            90: cls(0, -1, 1, 0, height, 0),
            180: cls(-1, 0, 0, -1, width, height),
            270: cls(0, 1, -1, 0, 0, width),
        }[degrees]

    def apply(self, x: float, y: float) -> tuple[float, float]:
        """Map a point.

        >>> Affine(dx=-10, dy=-20).apply(12, 23)
        (2.0, 3.0)
        """
        return self.xx * x + self.xy * y + self.dx, self.yx * x + self.yy * y + self.dy

    def apply_all(self, xy: NDArray[Any]) -> NDArray[Any]:
        """Map points, an array (n, 2) of x and y."""
        linear = np.array([[self.xx, self.yx], [self.xy, self.yy]])
        mapped: NDArray[Any] = xy @ linear + np.array([self.dx, self.dy])
        return mapped

    def then(self, following: Affine) -> Affine:
        """Return the map that applies this one first and the following one to its result.

        >>> Affine(dx=1).then(Affine(xx=2, yy=2)).apply(1, 1)
        (4.0, 2.0)
        """
        a, b = self, following
        dx, dy = b.apply(a.dx, a.dy)
        return Affine(
            b.xx * a.xx + b.xy * a.yx,
            b.xx * a.xy + b.xy * a.yy,
            b.yx * a.xx + b.yy * a.yx,
            b.yx * a.xy + b.yy * a.yy,
            dx,
            dy,
        )

    @property
    def area(self) -> float:
        """Area that a pixel of the file has in the image that is shown; the determinant's size."""
        return abs(self.xx * self.yy - self.xy * self.yx)

    @property
    def is_invertible(self) -> bool:
        """Tell whether points can be mapped back."""
        values = (self.xx, self.xy, self.yx, self.yy, self.dx, self.dy)
        return all(map(math.isfinite, values)) and self.area > _LEAST_AREA

    def inverse(self) -> Affine:
        """Return the map back.

        Raises:
            ZeroDivisionError: it is not invertible.

        >>> Affine(dx=-10).inverse().apply(2, 3)
        (12.0, 3.0)
        """
        determinant = self.xx * self.yy - self.xy * self.yx
        back = Affine(
            self.yy / determinant,
            -self.xy / determinant,
            -self.yx / determinant,
            self.xx / determinant,
        )
        dx, dy = back.apply(self.dx, self.dy)
        # 0.0 - 0.0 is 0.0; -0.0 would be shown in tables.
        return replace(back, dx=0.0 - dx, dy=0.0 - dy)


@dataclass(frozen=True, kw_only=True)
class ImageTransform:
    """The part of its file that an image of a project shows, and how it is turned.

    Attributes:
        to_shown: map of the file's coordinates to QuPath's.
        file_size: pixels of the file (of one series of it); ``None`` where the project does not
            say.
        shown_size: pixels that QuPath shows; likewise.
        series: number from 0 of the image in a file of several, or its name; ``None`` where the
            project does not say.
        channels: numbers or names of the file's channels that are shown, in their order; ``None``
            for all of them.
        steps: what was done to the file, in words: ``("rotated by 90°",)``.
        problem: why coordinates cannot be mapped, as a clause; ``None`` where they can.
        pixel_problem: why pixels cannot be taken from the file, though coordinates can be mapped.
    """

    to_shown: Affine = Affine()
    file_size: Size | None = None
    shown_size: Size | None = None
    series: str | None = None
    channels: tuple[int | str, ...] | None = None
    steps: tuple[str, ...] = ()
    problem: str | None = None
    pixel_problem: str | None = None

    @property
    def is_identity(self) -> bool:
        """Tell whether coordinates in QuPath are those of the file."""
        return self.problem is None and self.to_shown == Affine()

    @property
    def keeps_frame(self) -> bool:
        """Tell whether QuPath shows the whole file, each pixel at its place."""
        return self.is_identity and self.shown_size == self.file_size

    def check(self, name: str) -> None:
        """Check that coordinates can be mapped.

        Args:
            name: the image's name, for the error.

        Raises:
            BadInputError: they cannot.
        """
        if self.problem is not None:
            raise BadInputError(
                name,
                f"{self.problem}, so that its objects have no place in one file",
                "export the image from QuPath as OME-TIFF and use that",
            )

    def detections_to_shown(self, detections: Detections) -> Detections:
        """Return objects of the file in the coordinates of QuPath's image.

        Raises:
            ValueError: coordinates cannot be mapped.
        """
        info = self._sized(detections.image, self.shown_size)
        return self._moved(detections, self.to_shown, info)

    def detections_to_file(self, detections: Detections) -> Detections:
        """Return objects of QuPath's image in the coordinates of the file.

        The size of their image is the file's, unknown where the project does not say it. Objects
        of an image that cannot be mapped are returned unchanged.
        """
        if self.problem is not None or (self.keeps_frame and self.channels is None):
            return detections
        info = self._sized(detections.image, self.file_size)
        return self._moved(detections, self.to_shown.inverse(), info)

    def changes_to_file(self, changes: Changes) -> Changes:
        """Return a reviewer's edits with all objects in the coordinates of the file."""
        if self.problem is not None or self.to_shown == Affine():
            return changes
        history = changes.history.copy()
        if len(history):
            places = history[["x", "y"]].to_numpy(float)
            history[["x", "y"]] = self.to_shown.inverse().apply_all(places).round(2)
        return replace(
            changes,
            base=self.detections_to_file(changes.base),
            reviewed=self.detections_to_file(changes.reviewed),
            history=history,
        )

    def table_to_file(self, table: GeoDataFrame) -> GeoDataFrame:
        """Return points and lines of QuPath's image in the coordinates of the file.

        Those of an image that cannot be mapped are returned unchanged.
        """
        return table if self.problem is not None else _moved_table(table, self.to_shown.inverse())

    def table_to_shown(self, table: GeoDataFrame) -> GeoDataFrame:
        """Return points and lines of the file in the coordinates of QuPath's image."""
        return _moved_table(table, self.to_shown)

    def note(self, name: str) -> str | None:
        """Return a sentence on the coordinates of results that were pulled; ``None`` if plain."""
        if self.problem is not None:
            return (
                f"{name} {self.problem}: its objects are in QuPath's coordinates, "
                "and fit no image file"
            )
        if self.keeps_frame:
            return None
        size = "" if self.file_size is None else f", {self.file_size[0]} x {self.file_size[1]} px"
        return (
            f"QuPath shows the file {', '.join(self.steps)}; "
            f"the results lie as in the file itself{size}"
        )

    def _moved(self, detections: Detections, move: Affine, info: ImageInfo) -> Detections:
        if self.problem is not None:
            raise ValueError(self.problem)
        if self.channels is not None:
            info = replace(info, channels=())
        if move == Affine():
            return replace(detections, image=info)
        frame = _moved_table(detections.objects, move)
        if info.pixel_size is not None:
            info = replace(info, pixel_size=pixel_size_after(info.pixel_size, move))
        return replace(detections, objects=frame, image=info)

    def _sized(self, info: ImageInfo, size: Size | None) -> ImageInfo:
        if self.keeps_frame:
            return info
        width, height = size or (None, None)
        return replace(info, width=width, height=height)


def _moved_table(table: GeoDataFrame, move: Affine) -> GeoDataFrame:
    if move == Affine() or not len(table):
        return table
    import shapely
    from geopandas import GeoSeries

    frame = table.copy()
    for outline in ("geometry", "nucleus"):
        if outline in frame.columns:
            moved = shapely.transform(frame[outline].to_numpy(), move.apply_all)
            frame[outline] = GeoSeries(moved, index=frame.index)
    return frame


def pixel_size_after(size: PixelSize, move: Affine) -> PixelSize:
    """Return the pixel size of an image after a map of its coordinates.

    Args:
        size: of its pixels before.
        move: the map, invertible.

    >>> pixel_size_after(PixelSize(y=2, x=1), Affine.rotation(90, 30, 40))
    PixelSize(y=1.0, x=2.0, z=None)
    """
    back = move.inverse()
    return PixelSize(
        y=math.hypot(back.xy * size.x, back.yy * size.y),
        x=math.hypot(back.xx * size.x, back.yx * size.y),
        z=size.z,
    )


AS_FILE = ImageTransform()
"""The transformation of an image that shows its file as it is, of unknown size."""
