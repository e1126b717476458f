"""Detections: the table of objects that every format and every application reads and writes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.formats.layout import spec_of
from bridge.images.info import ImageInfo
from bridge.outlines import rasterize, trace
from bridge.outlines.rasterize import label_dtype

if TYPE_CHECKING:
    from typing import Self

Outline = Literal["star", "traced"]

_LARGEST_LABEL = 2**53 - 1  # beyond, JSON, spreadsheets and doubles merge neighbours
_WIDEST = 8  # bytes of the only integers that hold more

_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

_MOST_CELLS, _SPARSEST = 10**7, 100

_COLOR = re.compile("#[0-9a-fA-F]{6}")

FIELDS: dict[str, tuple[str, Any]] = {
    "label": ("int64", 0),
    "prob": ("float64", np.nan),
    "class": ("object", None),
    "class_color": ("object", None),
    "object_type": ("object", "detection"),
    "name": ("object", None),
    "color": ("object", None),
    "locked": ("bool", False),
    "c": ("int64", -1),
    "z": ("int64", 0),
    "t": ("int64", 0),
}
"""Columns that every table of detections has, with their type and the value for "unknown"."""

GEOMETRIES = ("geometry", "nucleus")
OBJECT_TYPES = ("detection", "cell", "annotation", "tile")
OBJECT = "object"
"""Optional column: UUID of the object of a volume that a row is a slice of."""


@dataclass
class Detections:
    """Objects found in, or drawn on, one image.

    Attributes:
        objects: a row an object, indexed by its UUID (``id``), which every format that can carry
            one keeps. Columns:

            ========== ==================================================================
            geometry   Polygon or MultiPolygon, pixels, x right, y down, origin at the
                       corner of the top-left pixel (a pixel's centre is at +0.5)
            nucleus    optional second outline, of a cell's nucleus
            label      id in the label image of its plane, above 0; an object of a volume has
                       the same one in all its slices
            object     optional: UUID of the object of a volume that a row is a slice of
                       (:mod:`bridge.objects3d`)
            prob       StarDist's probability, NaN where unknown
            class      class name, ``None`` where unclassified
            class_color ``#rrggbb`` that an application shows the class in, or ``None``
            object_type ``detection``, ``cell``, ``annotation`` or ``tile``, as in QuPath
            name       what a reviewer called it, ``None`` where nothing
            color      ``#rrggbb`` of this very object, or ``None``
            locked     locked against editing
            c, z, t    plane, from 0; c is -1 for an object that belongs to all channels
            others     numbers are measurements, anything else is metadata
            ========== ==================================================================
        image: what is known of the image.
        outline: ``traced`` (along pixel edges, exact) or ``star`` (StarDist's rays).

    Raises:
        BadInputError: a table that does not keep these rules.
    """

    objects: gpd.GeoDataFrame
    image: ImageInfo = field(default_factory=ImageInfo)
    outline: Outline = "traced"

    def __post_init__(self) -> None:
        name = self.image.name or "detections"
        self.objects = _complete(self.objects, name)
        _check(self.objects, name)

    def __len__(self) -> int:
        return len(self.objects)

    def __repr__(self) -> str:
        size = (
            f"{self.image.width} x {self.image.height} px" if self.image.width else "size unknown"
        )
        return f"Detections({len(self)} objects, {self.image.name or 'no image'}, {size})"

    @property
    def ids(self) -> list[str]:
        """UUIDs in row order."""
        return [str(i) for i in self.objects.index]

    @property
    def measurements(self) -> list[str]:
        """Names of the numeric columns that are not fields of every object."""
        frame = self.objects
        return [
            str(c)
            for c in frame.columns
            if c not in FIELDS and c not in GEOMETRIES and pd.api.types.is_numeric_dtype(frame[c])
        ]

    @property
    def metadata(self) -> list[str]:
        """Names of the text columns that are not fields of every object."""
        known = {*FIELDS, *GEOMETRIES, *self.measurements}
        return [str(c) for c in self.objects.columns if c not in known]

    @classmethod
    def from_polygons(
        cls,
        polygons: Sequence[Any] | NDArray[np.object_],
        *,
        columns: Mapping[str, Any] | None = None,
        ids: Iterable[str] | None = None,
        image: ImageInfo | None = None,
        outline: Outline = "traced",
    ) -> Self:
        """Make objects of shapely polygons.

        Args:
            polygons: n Polygons or MultiPolygons, corner-origin pixels.
            columns: further columns by name, each of n values. Without ``label`` the objects are
                numbered from 1 in each plane.
            ids: n UUIDs; new ones when ``None``.
            image: what is known of the image.
            outline: how the polygons were made.

        Raises:
            BadInputError: columns of another length, ids that are given twice.

        >>> square = shapely.box(2, 3, 5, 7)
        >>> objects = Detections.from_polygons([square], columns={"class": ["neuron"]})
        >>> objects.objects[["label", "class"]].values.tolist()
        [[1, 'neuron']]
        """
        geometry = np.empty(len(polygons), object)
        geometry[:] = polygons
        index = pd.Index(
            new_ids(len(geometry)) if ids is None else list(ids), name="id", dtype=object
        )
        frame = gpd.GeoDataFrame(dict(columns or {}), geometry=geometry, index=index)
        return cls(frame, image or ImageInfo(), outline)

    @classmethod
    def from_records(
        cls,
        polygons: Sequence[Any],
        records: Sequence[Mapping[str, Any]],
        *,
        image: ImageInfo | None = None,
        outline: Outline = "traced",
    ) -> Self:
        """Make objects of records, each of which may have columns that others lack.

        Args:
            polygons: n Polygons or MultiPolygons, corner-origin pixels.
            records: n mappings of ``id``, ``z``, ``t`` and any further columns. UUIDs are kept as
                in :func:`keep_ids`, labels completed as in :func:`number_labels`.
            image: what is known of the image.
            outline: how the polygons were made.

        Raises:
            BadInputError: nearly every object has columns that no other has.
        """
        keys = dict.fromkeys(key for record in records for key in record if key != "id")
        # Names that differ in every object would fill memory with empty cells.
        if len(keys) * len(records) > max(_MOST_CELLS, _SPARSEST * sum(map(len, records))):
            raise BadInputError(
                (image or ImageInfo()).name or "detections",
                f"have {len(keys):,} different measurements for {len(records):,} objects",
                "give the same measurements the same name in every object",
            )
        columns: dict[str, list[Any]] = {k: [r.get(k) for r in records] for k in keys}
        columns["label"] = number_labels(
            [record.get("label") for record in records], columns.get("z", []), columns.get("t", [])
        )
        ids = keep_ids([record.get("id") for record in records])
        return cls.from_polygons(polygons, columns=columns, ids=ids, image=image, outline=outline)

    @classmethod
    def from_labels(
        cls,
        labels: NDArray[Any],
        *,
        axes: str | None = None,
        image: ImageInfo | None = None,
        name: str = "label image",
    ) -> Self:
        """Trace every object of a label image along its pixels' edges.

        Args:
            labels: whole numbers of any type (floats without a fraction are taken), 0 is
                background; ids may have gaps. Axes as in ``axes``.
            axes: ``YX`` (the default for two axes), ``ZYX``, ``TYX`` or ``TZYX``. In a stack each
                plane's cut through an object is a row of its own, with the object's label.
            image: what is known of the image the labels belong to; size and planes come from
                ``labels``.
            name: name of the array in errors.

        Raises:
            BadInputError: negative or fractional labels, NaN, wrong axes, no pixels.

        >>> objects = Detections.from_labels(np.array([[0, 1, 1], [0, 0, 7]]))
        >>> objects.objects["label"].tolist(), objects.objects.area.tolist()
        ([1, 7], [2.0, 1.0])
        """
        stack = _as_stack(check_labels(labels, name), axes, name)
        polygons: list[NDArray[np.object_]] = []
        columns: dict[str, list[NDArray[np.int64]]] = {"label": [], "z": [], "t": []}
        for t, volume in enumerate(stack):
            for z, plane in enumerate(volume):
                found, outlines = trace(plane)
                polygons.append(outlines)
                columns["label"].append(found)
                columns["z"].append(np.full(len(found), z))
                columns["t"].append(np.full(len(found), t))
        size_t, size_z, height, width = stack.shape
        info = replace(
            image or ImageInfo(), width=width, height=height, size_z=size_z, size_t=size_t
        )
        return cls.from_polygons(
            np.concatenate(polygons),
            columns={key: np.concatenate(parts) for key, parts in columns.items()},
            image=info,
        )

    @classmethod
    def read(cls, path: str | PathLike[str], **options: Any) -> Detections:
        """Read detections; the format follows from the ending.

        Args:
            path: ``.tif`` (label image), ``.h5``, ``.zip`` or ``.roi`` (ImageJ), ``.geojson``,
                ``.geojson.gz``, ``.json``, ``.csv``, ``.tsv`` or ``.parquet``.
            options: what the format's own ``read`` in :mod:`bridge.formats` takes.

        Raises:
            BadInputError: a file that is missing, damaged or of no known format.

        >>> Detections.read("nuclei_rois.zip")  # doctest: +SKIP
        Detections(117 objects, nuclei, 256 x 256 px)
        """
        return cast("Detections", spec_of(path).load().read(path, **options))

    def write(self, path: str | PathLike[str], **options: Any) -> None:
        """Write the detections; the format follows from the ending, as in :meth:`read`.

        The file appears under its name only when it is complete.

        Raises:
            BadInputError: a folder that cannot be written, a full disk, an unknown ending.

        >>> import tempfile
        >>> objects = Detections.from_labels(np.array([[0, 1, 1], [0, 0, 7]]))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     objects.write(f"{folder}/nuclei.geojson")
        ...     Detections.read(f"{folder}/nuclei.geojson").ids == objects.ids
        True
        """
        # The table may have been edited since: what is written keeps the rules.
        spec_of(path).load().write(replace(self), path, **options)

    def to_labels(self, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """Draw the label image.

        A pixel belongs to the object whose outline holds its centre; where outlines overlap, the
        most probable object lies on top, as in StarDist.

        Args:
            shape: (height, width), or (z, height, width) or (t, z, height, width) for stacks;
                the image's own size when ``None``.

        Returns:
            Label image, uint16 (uint32 where a label is over 65,535): YX, or ZYX, TYX, TZYX where
            the image has several slices or time points.

        Raises:
            BadInputError: the size is not known and not given; an object lies in a plane that
                the image does not have; a label is over 4,294,967,295.

        >>> Detections.from_polygons([shapely.box(1, 0, 3, 1)]).to_labels((2, 3))
        array([[0, 1, 1],
               [0, 0, 0]], dtype=uint16)
        """
        size_t, size_z, height, width = self._stack_shape(shape)
        frame = self.objects
        labels: NDArray[Any] = np.zeros(
            (size_t, size_z, height, width),
            label_dtype(
                int(frame["label"].max() if len(frame) else 0), self.image.name or "detections"
            ),
        )
        z, t = frame["z"].to_numpy(), frame["t"].to_numpy()
        if len(frame) and (z.max() >= size_z or t.max() >= size_t):
            raise BadInputError(
                self.image.name or "detections",
                f"has objects up to slice {z.max()}, time point {t.max()} (counted from 0), "
                f"but the image has {size_z} slices and {size_t} time points",
                "give the size of the whole stack",
            )
        prob = frame["prob"].fillna(-np.inf).to_numpy()
        for plane_t, plane_z in sorted(set(zip(t.tolist(), z.tolist(), strict=True))):
            rows = np.flatnonzero((t == plane_t) & (z == plane_z))
            rows = rows[np.argsort(prob[rows], kind="stable")]
            rasterize(
                frame.geometry.to_numpy()[rows],
                frame["label"].to_numpy()[rows],
                (height, width),
                out=labels[plane_t, plane_z],
            )
        if shape is None:
            sizes = zip(labels.shape, "TZYX", strict=True)
            shape = tuple(size for size, axis in sizes if axis in self.label_axes())
        drawn: NDArray[Any] = labels.reshape(shape)
        return drawn

    def label_axes(self) -> str:
        """Return the axes of what :meth:`to_labels` gives: ``YX``, ``ZYX``, ``TYX`` or ``TZYX``."""
        return self.image.label_axes

    def _stack_shape(self, shape: tuple[int, ...] | None) -> tuple[int, int, int, int]:
        if shape is None:
            if not (self.image.width and self.image.height):
                raise BadInputError(
                    self.image.name or "detections",
                    "the size of the image is not known",
                    "give it: to_labels(shape=(height, width))",
                )
            return self.image.size_t, self.image.size_z, self.image.height, self.image.width
        if not 2 <= len(shape) <= 4 or any(int(s) < 1 for s in shape):
            raise BadInputError(
                "shape", f"{shape} is not the size of an image", "give (height, width) in pixels"
            )
        full = (1, 1, 1, 1, *(int(s) for s in shape))[-4:]
        return full[0], full[1], full[2], full[3]


def new_ids(n: int) -> list[str]:
    """Make n random UUIDs (RFC 9562, version 4)."""
    return [str(uuid.uuid4()) for _ in range(n)]


def is_uuid(text: Any) -> bool:
    """Return whether a text is a UUID as formats carry it (8-4-4-4-12 hexadecimal digits)."""
    return isinstance(text, str) and _UUID.fullmatch(text) is not None


def keep_ids(found: Sequence[Any]) -> list[str]:
    """Return the UUIDs that a file holds; new ones for objects without, and for copies.

    >>> first = "0b4f3f0e-6f3c-4c58-9d3d-0a6d1f0c2b7e"
    >>> [identity == first for identity in keep_ids([first, first, None])]
    [True, False, False]
    """
    used: set[str] = set()
    ids = []
    for value in found:
        identity = str(value).lower() if is_uuid(value) else ""
        if not identity or identity in used:
            identity = str(uuid.uuid4())
        used.add(identity)
        ids.append(identity)
    return ids


def number_labels(found: Sequence[Any], z: Sequence[int], t: Sequence[int]) -> list[int]:
    """Complete the labels that a file holds.

    A label that is missing, not a whole number above 0, or already taken in its plane is replaced
    by the next number that no object of that plane has. One of 2⁵³ or more, whose neighbours a file
    of JSON or a spreadsheet cannot tell from it, is refused.

    Args:
        found: labels, ``None``, 0 or NaN where unknown.
        z: slices of the objects.
        t: time points of the objects.

    Raises:
        BadInputError: a label of 2⁵³ or more.

    >>> number_labels([4, None, 4], z=[0, 0, 0], t=[0, 0, 0])
    [4, 5, 6]
    """
    numbers = np.array(found, float)  # None becomes NaN
    is_label = (numbers >= 1) & np.isfinite(numbers) & (numbers == np.floor(numbers))
    if (too_large := numbers[is_label & (numbers > _LARGEST_LABEL)]).size:
        raise BadInputError(
            "label",
            f"{too_large[0]:.0f} is over {_LARGEST_LABEL:,}",
            "number the objects anew",
        )
    frame = pd.DataFrame({"label": np.where(is_label, numbers, np.nan), "z": z, "t": t})
    frame.loc[frame.duplicated(), "label"] = np.nan
    missing = frame["label"].isna()
    if missing.any():
        largest = frame.groupby(["z", "t"])["label"].transform("max").fillna(0)
        following = frame[missing].groupby(["z", "t"]).cumcount() + 1
        frame["label"] = frame["label"].fillna(largest + following)
    labels: list[int] = frame["label"].astype("int64").tolist()
    return labels


def check_labels(labels: NDArray[Any], name: str = "label image") -> NDArray[Any]:
    """Convert a label image of any numeric type to whole numbers from 0 up.

    Cellpose, ilastik and others save labels as int32 or float32: they are taken as long as
    every value is a whole number from 0 up.

    Returns:
        The labels; floats become uint32, integers keep their type.

    Raises:
        BadInputError: no pixels, not numbers, NaN, fractions, negative values, floats over
            4,294,967,295 and integers over 9,007,199,254,740,991.

    >>> check_labels(np.array([[0.0, 2.0]])).dtype
    dtype('uint32')
    """
    array = np.asarray(labels)
    if array.dtype.kind == "b":
        array = array.view(np.uint8) if array.flags.c_contiguous else array.astype(np.uint8)
    if array.dtype.kind not in "uif":
        raise BadInputError(name, f"holds {array.dtype} values, not labels", "give whole numbers")
    if array.size == 0:
        raise BadInputError(name, f"has no pixels (its size is {array.shape})")
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise BadInputError(name, "holds NaN or infinite values", "give a label image")
        if (array != np.floor(array)).any():
            raise BadInputError(
                name,
                "holds fractions, so it is no label image",
                "give the labels, not the image or the probability map",
            )
        # As a Python number: in float32 the bound itself is not exact.
        if float(array.max()) > np.iinfo(np.uint32).max:
            raise BadInputError(name, "holds labels over 4,294,967,295", "relabel it first")
    if array.dtype.kind in "if" and array.min() < 0:
        raise BadInputError(name, "holds negative values", "give 0 for background and labels above")
    if array.dtype.kind == "f":
        return array.astype(np.uint32)
    if array.dtype.itemsize == _WIDEST and int(array.max()) > _LARGEST_LABEL:
        raise BadInputError(name, f"holds labels over {_LARGEST_LABEL:,}", "relabel it first")
    return array


def _as_stack(labels: NDArray[Any], axes: str | None, name: str) -> NDArray[Any]:
    if axes is None:
        if labels.ndim != 2:
            raise BadInputError(
                name,
                f"has {labels.ndim} axes ({' x '.join(map(str, labels.shape))}) "
                "and nothing says what they are",
                "give axes=YX, ZYX, TYX or TZYX",
            )
        axes = "YX"
    if axes not in ("YX", "ZYX", "TYX", "TZYX") or len(axes) != labels.ndim:
        raise BadInputError(
            name,
            f"axes {axes!r} do not fit a label image of {labels.ndim} axes",
            "give YX, ZYX, TYX or TZYX",
        )
    for position, axis in enumerate("TZ"):
        if axis not in axes:
            labels = np.expand_dims(labels, position)
    return labels


def _complete(frame: gpd.GeoDataFrame, name: str) -> gpd.GeoDataFrame:
    """Return a copy with all fields, of their types and in their order, geometry last."""
    given = frame.copy(deep=False)
    for column, (dtype, unknown) in FIELDS.items():
        if column not in given.columns:
            continue
        values = given[column]
        if dtype == "object":
            texts = [_as_text(value) for value in _texts(values, unknown)]
            given[column] = pd.Series(texts, index=given.index, dtype=object)
        elif dtype != str(values.dtype):
            given[column] = _converted(values, dtype, unknown, name)
    for column, (dtype, unknown) in FIELDS.items():
        if column not in given.columns and column != "label":
            given[column] = pd.Series([unknown] * len(given), index=given.index, dtype=dtype)
    if "label" not in given.columns:
        given["label"] = given.groupby(["z", "t"]).cumcount().astype("int64") + 1
    extra = [c for c in given.columns if c not in FIELDS and c not in GEOMETRIES]
    for column in extra:
        if not pd.api.types.is_numeric_dtype(given[column]):
            given[column] = _texts(given[column], None)
    outlines = [c for c in GEOMETRIES if c in given.columns]
    if "nucleus" in given.columns:
        try:
            given["nucleus"] = gpd.GeoSeries(given["nucleus"].tolist(), index=given.index)
        except TypeError as error:
            raise BadInputError(
                name, "has a column 'nucleus' that holds no outlines", "rename the column"
            ) from error
    given.index = given.index.astype(object).rename("id")
    return gpd.GeoDataFrame(given[[*FIELDS, *extra, *outlines]], geometry="geometry")


def _converted(values: pd.Series[Any], dtype: Any, unknown: Any, name: str) -> pd.Series[Any]:
    try:
        filled = values.fillna(unknown)
        converted: pd.Series[Any] = filled.astype(dtype)
        is_same = dtype != "int64" or bool((filled.astype(float) == converted).all())
    except (ValueError, TypeError, OverflowError):
        is_same = False
    if not is_same:
        what = {"int64": "whole numbers", "float64": "numbers", "bool": "true and false"}[dtype]
        raise BadInputError(
            name, f"has a column {values.name!r} that holds other things than {what}", "correct it"
        )
    return converted


def _texts(values: pd.Series[Any], unknown: str | None) -> pd.Series[Any]:
    """Return texts as plain Python objects: pandas' own text type turns ``None`` into NaN."""
    texts = values.astype(object)
    return texts.where(texts.notna(), unknown).astype(object)


def _as_text(value: Any) -> Any:
    """Return a class or name that another program stores as a number as the text that it shows."""
    if value is None or isinstance(value, str):
        return value
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _check(frame: gpd.GeoDataFrame, name: str) -> None:
    if not frame.index.is_unique:
        twice = frame.index[frame.index.duplicated()][0]
        raise BadInputError(name, f"two objects have the same id {twice}", "give each its own UUID")
    for outline in GEOMETRIES:
        if outline not in frame.columns:
            continue
        geometry = frame[outline].to_numpy()
        kinds = shapely.get_type_id(geometry)
        allowed = [shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON]
        if outline == "nucleus":
            allowed.append(shapely.GeometryType.MISSING)
        odd = ~np.isin(kinds, allowed)
        if odd.any():
            what = getattr(geometry[odd][0], "geom_type", "nothing")
            raise BadInputError(
                name, f"object {frame.index[odd][0]} is a {what}, not an area", "leave it out"
            )
    if (frame["label"] < 1).any():
        raise BadInputError(name, "has labels below 1", "number the objects from 1")
    if frame.duplicated(["label", "z", "t"]).any():
        twice = frame.loc[frame.duplicated(["label", "z", "t"]), "label"].iloc[0]
        raise BadInputError(
            name, f"two objects of one plane have the label {twice}", "give each its own label"
        )
    for column in ("color", "class_color"):
        for color in set(frame[column]) - {None}:
            if not (isinstance(color, str) and _COLOR.fullmatch(color)):
                raise BadInputError(
                    name, f"has the colour {str(color)[:20]!r}, which is none", "write #rrggbb"
                )
    unknown = set(frame["object_type"]) - set(OBJECT_TYPES)
    if unknown:
        raise BadInputError(
            name,
            f"has objects of the unknown type {sorted(map(str, unknown))[0]!r}",
            f"use one of {', '.join(OBJECT_TYPES)}",
        )
