"""Brush strokes of a project: ``PixelClassification/LabelSets/labelsNNN/blockNNNN``.

A block is an array of uint8 (0: no stroke, then the classes from 1) with an attribute
``blockSlice``, text such as ``[0:5,110:135,154:169,0:1]``: where it lies in the image. Its axes are
those of the image in the order T, Z, Y, X, as far as they are larger than 1, and the channel last;
versions 1.3.3post2 to 1.4.0b7 stored the order of the image's own axes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.files.hdf5_claims import LARGEST_EMPTY
from bridge.formats.axistags import axistags
from bridge.formats.ilastik.axistags import ordered, read_axes
from bridge.formats.ilastik.content import Content
from bridge.formats.ilastik.lanes import LaneImage

AXES = "TZYX"
"""Axes of strokes as they are read here."""

MOST_CLASSES = 255
"""Classes that fit into the strokes' 8 bits."""

_BLOCK = 512
_COUNTED = 2**18
_LARGEST_RATIO = 1_100
_MOST_PLANE = 2**31
_SLICE = re.compile(r"\[(\d{1,12}:\d{1,12}(?:,\d{1,12}:\d{1,12})*)\]")
_OWN_ORDER = ((1, 3, 3, 2, 2), (1, 4, 0, -1, 7))
"""First and last version that stored the order of the image's own axes, as :func:`_release`."""


@dataclass(frozen=True)
class Block:
    """Strokes in a box of an image.

    Attributes:
        start: first time point, slice, row and column.
        values: uint8 (T, Z, Y, X), 0 where there is no stroke, else the class from 1.
    """

    start: tuple[int, int, int, int]
    values: NDArray[np.uint8]


@dataclass(frozen=True)
class Strokes:
    """Brush strokes in one image.

    Attributes:
        shape: (T, Z, Y, X) of the image.
        blocks: where there are strokes; they do not overlap.
    """

    shape: tuple[int, int, int, int]
    blocks: tuple[Block, ...] = ()

    def counts(self) -> dict[int, int]:
        """Return the number of pixels of each class that has strokes."""
        total = np.zeros(MOST_CLASSES + 1, np.int64)
        for block in self.blocks:
            flat = block.values.ravel()
            for start in range(0, len(flat), _COUNTED):  # bincount widens its input to 64 bits
                total += np.bincount(flat[start : start + _COUNTED], minlength=len(total))
        return {int(value): int(total[value]) for value in np.flatnonzero(total) if value}

    def planes(self) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        """Yield the planes with strokes: time point, slice, and uint8 (Y, X)."""
        for t, z in sorted(self.plane_numbers()):
            yield t, z, self.plane(t, z)

    def plane_numbers(self) -> set[tuple[int, int]]:
        """Return time point and slice of the planes with strokes."""
        return {
            (block.start[0] + t, block.start[1] + z)
            for block in self.blocks
            for t, z in np.argwhere(block.values.any(axis=(2, 3))).tolist()
        }

    def renumbered(self, numbers: Mapping[int, int]) -> Strokes:
        """Return the strokes with other numbers of classes.

        Args:
            numbers: for each class its new number; a class that is not there gets no stroke.

        >>> block = Block((0, 0, 0, 0), np.array([[[[1, 2]]]], np.uint8))
        >>> strokes = Strokes((1, 1, 1, 2), (block,))
        >>> strokes.renumbered({1: 2, 2: 1}).plane().tolist()
        [[2, 1]]
        """
        table = np.zeros(MOST_CLASSES + 1, np.uint8)
        table[list(numbers)] = list(numbers.values())
        return Strokes(self.shape, tuple(Block(b.start, table[b.values]) for b in self.blocks))

    def combined(self, other: Strokes) -> Strokes:
        """Return these strokes and others of the same image; none where the two contradict."""
        blocks: list[Block] = []
        for t, z in sorted(self.plane_numbers() | other.plane_numbers()):
            one, two = self.plane(t, z), other.plane(t, z)
            contradict = (one > 0) & (two > 0) & (one != two)
            blocks += cut_blocks(np.where(contradict, 0, np.maximum(one, two)), t, z)
        return Strokes(self.shape, tuple(blocks))

    def plane(self, t: int = 0, z: int = 0) -> NDArray[np.uint8]:
        """Return one plane as uint8 (Y, X): 0 where there is no stroke, else the class from 1."""
        plane = np.zeros(self.shape[2:], np.uint8)
        for block in self.blocks:
            at_t, at_z, y, x = block.start
            times, slices, height, width = block.values.shape
            if 0 <= t - at_t < times and 0 <= z - at_z < slices:
                part = plane[y : y + height, x : x + width]
                values = block.values[t - at_t, z - at_z]
                np.copyto(part, values, where=values > 0)
        return plane


def read_strokes(group: Content, image: LaneImage, version: str) -> Strokes:
    """Read the brush strokes in an image.

    Args:
        group: the group of the image, with its blocks.
        image: the image, whose axes and shape the project knows.
        version: of ilastik, which wrote the project.

    Raises:
        BadInputError: a block that lies outside the image, has other axes or is larger than what
            is stored of it, or a project that does not say how large the image is.
    """
    names = group.names()
    if not names:
        return Strokes(shape_of(image))
    if not image.shape or not image.axes:
        raise group.damaged(names[0], "lies in an image of which the project has no axes")
    shape = shape_of(image)
    blocks = []
    claimed = stored = 0
    for name in names:
        node = group.dataset(name)
        if node is None:  # images with a mask keep blocks in groups
            inner = group.folder(name)
            node = None if inner is None else inner.dataset("data")
            place = None if inner is None else inner.group
        else:
            place = node
        if node is None or place is None or node.dtype.kind not in "ui" or node.ndim < 2:
            raise group.damaged(name, "is no block of brush strokes")
        claimed += int(node.size or 0)
        stored += node.id.get_storage_size()
        if claimed > max(LARGEST_EMPTY, _LARGEST_RATIO * stored):
            raise group.damaged(name, "and others claim more pixels than are stored of them")
        block = _read_block(group, name, node, place, image, version)
        if block is None:
            continue
        inside = all(
            start + size <= limit
            for start, size, limit in zip(block.start, block.values.shape, shape, strict=True)
        )
        if not inside:
            raise group.damaged(name, f"lies outside of its image of {shape} (T, Z, Y, X) pixels")
        blocks.append(block)
    return Strokes(shape, tuple(blocks))


def shape_of(image: LaneImage) -> tuple[int, int, int, int]:
    """Return the size of an image as (T, Z, Y, X).

    Raises:
        BadInputError: planes that no image has.
    """
    shape = (image.size("T"), image.size("Z"), image.size("Y"), image.size("X"))
    if shape[2] * shape[3] > _MOST_PLANE:
        raise BadInputError(
            image.nickname or image.stored,
            f"claims planes of {shape[3]} × {shape[2]} pixels",
            "open the project in ilastik and choose the image again",
        )
    return shape


def _read_block(
    group: Content,
    name: str,
    node: h5py.Dataset,
    place: Any,
    image: LaneImage,
    version: str,
) -> Block | None:
    text = group.as_text(name, place.attrs.get("blockSlice"))
    parsed = _SLICE.fullmatch(text)
    if parsed is None:
        raise group.damaged(name, f"does not say where it lies ({text[:60]!r})")
    ranges = [tuple(map(int, part.split(":"))) for part in parsed[1].split(",")]
    sizes = tuple(stop - start for start, stop in ranges)
    axes = _axes_of_block(place.attrs.get("axistags"), len(ranges), group, name, image, version)
    if sizes != node.shape or axes is None:
        raise group.damaged(name, f"has {node.shape} pixels, which do not fit {text[:60]}")
    values = np.asarray(node[()])
    if values.min(initial=0) < 0 or values.max(initial=0) > MOST_CLASSES:
        raise group.damaged(name, "has values that are no classes")
    starts = dict(zip(axes, (start for start, _ in ranges), strict=True))
    if "C" in axes:
        if node.shape[axes.index("C")] != 1 or starts.pop("C") != 0:
            raise group.damaged(name, "has strokes in a channel of its own")
        values = values.squeeze(axes.index("C"))
        axes = axes.replace("C", "")
    if not values.any():
        return None
    order = [letter for letter in AXES if letter in axes]
    values = values.transpose([axes.index(letter) for letter in order])
    full = values.reshape([values.shape[order.index(a)] if a in order else 1 for a in AXES])
    t, z, y, x = (starts.get(letter, 0) for letter in AXES)
    return Block((t, z, y, x), np.ascontiguousarray(full, np.uint8))


def _axes_of_block(
    tags: Any, count: int, group: Content, name: str, image: LaneImage, version: str
) -> str | None:
    """Return the axes of a block, by the version or by its own tags; ``None`` where none fit."""
    own = image.axes if "C" in image.axes else f"{image.axes}C"
    larger = "".join(a for a in image.axes if image.size(a) > 1 or a in "YX")
    usual = [f"{ordered(a).replace('C', '')}C" for a in (larger, image.axes)]
    first, last = _OWN_ORDER
    if first <= _release(version) <= last:
        candidates = [own, image.axes, *usual]
    else:
        tagged = [] if tags is None else [read_axes(str(group.path), group.as_text(name, tags))]
        candidates = [*tagged, *usual]
    fitting = (axes for axes in candidates if len(axes) == count)
    return next((a for a in fitting if {"Y", "X"} <= set(a)), None)


def _release(version: str) -> tuple[int, ...]:
    """Return a version in an order in which betas come before and post releases after.

    >>> _release("1.4.0b7") < _release("1.4.0") < _release("1.4.0.post1")
    True
    """
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?\.?(?:(a|b|rc|post)\.?(\d+))?", version)
    if found is None:
        return (10**6,)
    numbers = tuple(int(number or 0) for number in found.groups()[:3])
    kind, count = found[4], int(found[5] or 0)
    before = {"a": -2, "b": -1, "rc": 0, "post": 2, None: 1}[kind]
    return (*numbers, before, count)


def cut_blocks(
    values: NDArray[np.uint8], t: int, z: int, y: int = 0, x: int = 0
) -> Iterator[Block]:
    """Cut strokes in a plane into blocks without empty margins.

    Args:
        values: uint8 (rows, columns), 0 where there is no stroke.
        t: time point.
        z: slice.
        y: row of the first of ``values`` in its image.
        x: column likewise.
    """
    height, width = values.shape
    for top in range(0, height, _BLOCK):
        for left in range(0, width, _BLOCK):
            part = values[top : top + _BLOCK, left : left + _BLOCK]
            rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
            if not len(rows):
                continue
            inside = part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            start = (t, z, y + top + int(rows[0]), x + left + int(columns[0]))
            yield Block(start, np.ascontiguousarray(inside)[None, None])


def write_strokes(group: h5py.Group, strokes: Strokes, image_axes: str) -> None:
    """Write the brush strokes of an image as blocks.

    Args:
        group: the group of the image, empty.
        strokes: the strokes.
        image_axes: letters of the image's axes; those of size 1 but Y and X are left out, as
            ilastik does.

    >>> file = h5py.File.in_memory()
    >>> block = Block((0, 0, 2, 3), np.ones((1, 1, 4, 5), np.uint8))
    >>> write_strokes(file.create_group("labels000"), Strokes((1, 1, 30, 40), (block,)), "YX")
    >>> file["labels000/block0000"].attrs["blockSlice"]
    '[2:6,3:8,0:1]'
    """
    kept = [
        index
        for index, axis in enumerate(AXES)
        if axis in image_axes and (axis in "YX" or strokes.shape[index] > 1)
    ]
    tags = axistags("".join(AXES[index] for index in kept) + "C")
    for number, block in enumerate(strokes.blocks):
        sizes = [block.values.shape[index] for index in kept]
        starts = [block.start[index] for index in kept]
        place = [f"{start}:{start + size}" for start, size in zip(starts, sizes, strict=True)]
        node = group.create_dataset(
            f"block{number:04d}",
            data=block.values.reshape([*sizes, 1]),
            compression="gzip",
            compression_opts=2,
        )
        node.attrs["blockSlice"] = f"[{','.join([*place, '0:1'])}]"
        node.attrs["axistags"] = tags
