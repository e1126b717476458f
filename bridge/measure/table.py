"""Objects and an image -> a table of measurements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.detections import Detections, check_labels
from bridge.errors import BadInputError
from bridge.files.compiled import suitable_threads
from bridge.images.channels import channel_titles
from bridge.images.info import PixelSize
from bridge.measure.columns import (
    Columns,
    Unit,
    area_columns,
    centroid_columns,
    intensity_columns,
    scales,
    shape_columns,
)
from bridge.measure.compartments import Compartments, draw, of_plane
from bridge.measure.intensity import measure_intensities
from bridge.measure.pixels import PixelLists, find_objects, list_pixels, number_objects
from bridge.measure.shape import measure_shapes

if TYPE_CHECKING:
    from bridge.images import Image

Channels = Sequence[int | str]
FurtherColumns = Callable[
    [Compartments, Mapping[str, PixelLists]],
    tuple[Columns, Callable[[str, NDArray[Any]], Columns]],
]
"""Columns beyond those of this module: called with the compartments of each plane and their pixels,
it returns columns, and what is called with the title and the values (height, width) of each channel
and returns further ones."""


def measure(
    objects: Detections | NDArray[Any],
    image: Image,
    *,
    axes: str | None = None,
    ring: float | None = None,
    ring_unit: Unit = "µm",
    unit: Literal["px", "µm", "both"] | None = None,
    channels: Channels | None = None,
    further: FurtherColumns | None = None,
) -> pd.DataFrame:
    """Measure every object's shape, and its intensities in every channel.

    Planes (z, t) are measured one by one: an object of a stack is its cut through a plane. An
    image is read plane by plane and channel by channel.

    Args:
        objects: detections, drawn as :meth:`bridge.Detections.to_labels` draws them; or a label
            image (Y, X), (Z, Y, X), (T, Y, X) or (T, Z, Y, X) of whole numbers, 0 is background,
            ids may have gaps.
        image: the image, of the same size.
        axes: axes of a label image; the planes that ``image`` has when ``None``.
        ring: width of the ring around each object that has no cell outline of its own, see
            :func:`bridge.measure.ring.expand`; none when ``None``.
        ring_unit: of ``ring``.
        unit: ``px``, ``µm`` or ``both``; what is known when ``None``.
        channels: names or numbers from 0; all when ``None``. Channels without a name are called
            ``C1``, ``C2``, … by their place in the image.
        further: columns to add to the shapes and to each channel's.

    Returns:
        A row an object, float64 columns as :mod:`bridge.measure.columns` describes. Indexed by
        UUID in the order of the detections; for a label image by ``label`` in ascending order, for
        a stack by ``t``, ``z`` and ``label``. Objects of which nothing is drawn, because others
        cover them or they lie outside the image, have NaN throughout: :func:`undrawn` lists them.
        Compartments that an object does not have are NaN; ``Cytoplasm`` and ``Cell`` are there
        when any object has them.

    Raises:
        BadInputError: sizes that do not fit, values that are no labels, a channel that is not
            there, a length in µm without pixel size, a ring that is not above 0.

    Example:
        >>> from bridge.images import from_array
        >>> image = from_array(np.array([[10, 20], [99, 40]], np.uint8), axes="YX")
        >>> table = measure(np.array([[1, 1], [0, 2]]), image)
        >>> table["Nucleus: Area px^2"].tolist(), table["Nucleus: C1: Mean"].tolist()
        ([2.0, 1.0], [15.0, 40.0])
    """
    size = image.pixel_size
    if size is None and isinstance(objects, Detections):
        size = objects.image.pixel_size
    units = scales(_units(unit, size, image.name), size)
    if ring is not None and not (np.isfinite(ring) and ring > 0):
        raise BadInputError("ring", f"{ring} is not a width", "give a number above 0")
    ring_scale = scales([ring_unit], size).get(ring_unit)
    if ring is not None and ring_scale is None:
        raise _no_pixel_size(image.name, "give the ring in px")
    chosen = [
        image.channel_index(c) for c in (range(image.size("C")) if channels is None else channels)
    ]
    titles = channel_titles(image.channels)
    rows: list[NDArray[np.int64]] = []
    parts: list[Columns] = []
    index, planes = object_planes(objects, image, axes)
    has_nuclei = isinstance(objects, Detections) and _any_nucleus(objects)
    with_cells = ring is not None or has_nuclei
    with suitable_threads(image.height * image.width):
        for plane in planes:
            compartments = plane.compartments
            if ring is not None and ring_scale is not None:
                compartments = compartments.with_rings(ring, ring_scale)
            lists = _pixel_lists(compartments, with_cells)
            columns = _shapes(compartments, lists, units)
            of_channel = None
            if further is not None:
                more, of_channel = further(compartments, lists)
                columns |= more
            for channel in chosen:
                values = image.plane(channel, z=plane.z, t=plane.t)
                for name, pixels in lists.items():
                    columns |= intensity_columns(
                        name, titles[channel], measure_intensities(values, pixels)
                    )
                if of_channel is not None:
                    columns |= of_channel(titles[channel], values)
            rows.append(plane.rows)
            parts.append(_without_cells(columns, compartments.has_cell))
    return _table(index, rows, parts)


def undrawn(table: pd.DataFrame) -> list[Any]:
    """Return the index of objects of which nothing was drawn, so that nothing could be measured.

    >>> undrawn(pd.DataFrame({"Nucleus: Area px^2": [9.0, np.nan]}, index=["a", "b"]))
    ['b']
    """
    areas = [c for c in table.columns if c.startswith("Nucleus: Area ")]
    return table.index[table[areas].isna().all(axis=1)].tolist() if areas else []


def object_planes(
    objects: Detections | NDArray[Any], image: Image, axes: str | None = None
) -> tuple[pd.Index[Any], Iterator[ObjectPlane]]:
    """Return the index of a table of objects, and the objects plane by plane.

    Args:
        objects: as :func:`measure` takes them.
        image: the same.
        axes: the same.

    Raises:
        BadInputError: sizes that do not fit, or values that are no labels.
    """
    if isinstance(objects, Detections):
        return objects.objects.index, _detection_planes(objects, image)
    return _label_planes(objects, axes, image)


@dataclass(frozen=True)
class ObjectPlane:
    """The objects of one plane.

    Attributes:
        z, t: slice and time point.
        rows: (n,) rows of the table that they are.
        compartments: the objects, in the order of ``rows``.
    """

    z: int
    t: int
    rows: NDArray[np.int64]
    compartments: Compartments


def _units(
    unit: Literal["px", "µm", "both"] | None, size: PixelSize | None, name: str
) -> list[Unit]:
    if unit in ("µm", "both") and size is None:
        raise _no_pixel_size(name, "measure in px")
    if unit is None or unit == "both":
        return ["px", "µm"]
    if unit not in ("px", "µm"):
        raise BadInputError("unit", f"{unit!r} is not known", "give px, µm or both")
    return [unit]


def _no_pixel_size(name: str, remedy: str) -> BadInputError:
    return BadInputError(name, "has no pixel size", f"give it in µm, or {remedy}")


def _any_nucleus(detections: Detections) -> bool:
    frame = detections.objects
    return "nucleus" in frame.columns and bool(
        (~(frame["nucleus"].isna() | frame["nucleus"].is_empty)).any()
    )


def _detection_planes(detections: Detections, image: Image) -> Iterator[ObjectPlane]:
    info, name = detections.image, detections.image.name or "detections"
    sizes = (
        ("width", info.width, image.width),
        ("height", info.height, image.height),
        # Many formats do not say how many planes there are: 1 stands for unknown, too.
        ("slices", info.size_z if info.size_z > 1 else None, image.size("Z")),
        ("time points", info.size_t if info.size_t > 1 else None, image.size("T")),
    )
    for what, own, other in sizes:
        if own is not None and own != other:
            raise BadInputError(
                name,
                f"the objects are of an image of {what} {own}, {image.name} has {other}",
                "give the image that the objects were found in",
            )
    frame = detections.objects
    z, t = frame["z"].to_numpy(), frame["t"].to_numpy()
    if len(frame) and (z.max() >= image.size("Z") or t.max() >= image.size("T")):
        raise BadInputError(
            name,
            f"has objects up to slice {z.max()}, time point {t.max()} (counted from 0), but "
            f"{image.name} has {image.size('Z')} slices and {image.size('T')} time points",
            "give the image that the objects were found in",
        )
    for plane_t, plane_z in sorted(set(zip(t.tolist(), z.tolist(), strict=True))) or [(0, 0)]:
        rows = np.flatnonzero((t == plane_t) & (z == plane_z))
        drawn = draw(frame.iloc[rows], (image.height, image.width))
        yield ObjectPlane(plane_z, plane_t, rows, drawn)


def _label_planes(
    labels: NDArray[Any], axes: str | None, image: Image
) -> tuple[pd.Index[Any], Iterator[ObjectPlane]]:
    checked = check_labels(labels)
    stacked = ("T" if image.size("T") > 1 else "") + ("Z" if image.size("Z") > 1 else "") + "YX"
    own = stacked if axes is None else axes.upper()
    if own not in ("YX", "ZYX", "TYX", "TZYX") or len(own) != checked.ndim:
        raise BadInputError(
            "label image",
            f"has {checked.ndim} axes, which are not {own}",
            "give axes=YX, ZYX, TYX or TZYX, and the image that the labels belong to",
        )
    expected = tuple(image.size(axis) for axis in own)
    missing = [axis for axis in "TZ" if axis not in own and image.size(axis) > 1]
    if checked.shape != expected or missing:
        raise BadInputError(
            "label image",
            f"is {' × '.join(map(str, checked.shape))} ({own}), but {image.name} is "
            f"{' × '.join(str(image.size(axis)) for axis in stacked)} ({stacked})",
            "give the image that the labels belong to",
        )
    stack = checked.reshape(image.size("T"), image.size("Z"), image.height, image.width)
    planes: list[tuple[int, int]] = list(image.planes())
    found = [find_objects(stack[t, z]) for t, z in planes]
    ends = np.cumsum([0, *map(len, found)])
    label = np.concatenate(found)
    index: pd.Index[Any] = pd.Index(label, name="label")
    if len(own) > 2:
        times, slices = (np.repeat([plane[k] for plane in planes], np.diff(ends)) for k in (0, 1))
        index = pd.MultiIndex.from_arrays([times, slices, label], names=["t", "z", "label"])

    def each() -> Iterator[ObjectPlane]:
        for number, (t, z) in enumerate(planes):
            ids, numbered = number_objects(stack[t, z])
            rows = np.arange(ends[number], ends[number + 1])
            yield ObjectPlane(z, t, rows, of_plane(numbered, len(ids)))

    return index, each()


def _pixel_lists(compartments: Compartments, with_cells: bool) -> dict[str, PixelLists]:
    n = len(compartments.has_cell)
    lists = {"Nucleus": list_pixels(compartments.nucleus, n)}
    cell, cytoplasm = compartments.cell, compartments.cytoplasm
    if cell is None or cytoplasm is None:
        if not with_cells:
            return lists
        # No cell in this plane, but in others: their columns are the same, filled with NaN.
        cell = cytoplasm = np.zeros_like(compartments.nucleus)
    lists["Cytoplasm"] = list_pixels(cytoplasm, n)
    lists["Cell"] = list_pixels(cell, n)
    return lists


def _shapes(
    compartments: Compartments,
    lists: Mapping[str, PixelLists],
    units: Mapping[Unit, tuple[float, float]],
) -> Columns:
    nucleus = measure_shapes(compartments.nucleus, lists["Nucleus"])
    columns = centroid_columns(nucleus, units) | shape_columns("Nucleus", nucleus, units)
    if "Cell" in lists:
        plane = compartments.nucleus if compartments.cell is None else compartments.cell
        areas = area_columns("Cytoplasm", lists["Cytoplasm"].counts, units)
        # A cell of which nothing is drawn has no ring, rather than an empty one.
        drawn = lists["Cell"].counts > 0
        columns |= {name: np.where(drawn, area, np.nan) for name, area in areas.items()}
        columns |= shape_columns("Cell", measure_shapes(plane, lists["Cell"]), units)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = lists["Nucleus"].counts / lists["Cell"].counts
        both = drawn & (lists["Nucleus"].counts > 0)
        columns["Nucleus/Cell area ratio"] = np.where(both, ratio, np.nan)
    return columns


def _without_cells(columns: Columns, has_cell: NDArray[np.bool_]) -> Columns:
    """Set NaN for the cells of objects that have none: in the plane, the nucleus stands for it."""
    if has_cell.all():
        return columns
    of_cells = ("Cell:", "Cytoplasm:", "Nucleus/Cell")
    return {
        name: np.where(has_cell, values, np.nan) if name.startswith(of_cells) else values
        for name, values in columns.items()
    }


def _table(
    index: pd.Index[Any], rows: list[NDArray[np.int64]], parts: list[Columns]
) -> pd.DataFrame:
    at = np.concatenate(rows)
    columns: Columns = {}
    for name in parts[0]:
        values = np.full(len(index), np.nan)
        values[at] = np.concatenate([part[name] for part in parts])
        columns[name] = values
    return pd.DataFrame(columns, index=index)
