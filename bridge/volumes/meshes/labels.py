"""Bounding boxes of the labels of a label volume, in one pass whatever their number."""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False, disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled


@dataclass(frozen=True)
class LabelBox:
    """The bounding box of a label.

    Attributes:
        label: the number.
        start: first voxel along z, y and x.
        stop: the voxel behind the last.
        voxels: how many have it.
    """

    label: int
    start: tuple[int, int, int]
    stop: tuple[int, int, int]
    voxels: int


def find_labels(labels: NDArray[np.integer]) -> list[LabelBox]:
    """Find all labels but 0; their numbers may be as large as their type and have gaps.

    Args:
        labels: (z, y, x).

    >>> find_labels(np.array([[[0, 0, 70000], [0, 70000, 0]]], np.uint32))
    [LabelBox(label=70000, start=(0, 0, 1), stop=(1, 2, 3), voxels=2)]
    """
    ids = np.unique(np.concatenate([np.zeros(0, labels.dtype), *_ids_of_slices(labels)]))
    ids = ids[ids != 0]
    if not len(ids):
        return []
    boxes = np.zeros((len(ids), 7), np.int64)
    boxes[:, :3] = np.iinfo(np.int64).max
    _measure(labels, ids, boxes)
    return [
        LabelBox(int(label), _triple(box[:3]), _triple(box[3:6]), int(box[6]))
        for label, box in zip(ids, boxes, strict=True)
    ]


def _triple(numbers: NDArray[np.int64]) -> tuple[int, int, int]:
    z, y, x = (int(number) for number in numbers)
    return z, y, x


def _ids_of_slices(labels: NDArray[np.integer]) -> Iterator[NDArray[np.integer]]:
    """Yield the numbers of each slice; along a line most voxels have their neighbour's."""
    for plane in labels:
        changes = plane[:, 1:][plane[:, 1:] != plane[:, :-1]]
        yield np.unique(np.concatenate([plane[:, 0], changes]))


@compiled(nogil=True)
def _measure(labels: Any, ids: Any, boxes: Any) -> None:
    depth, height, width = labels.shape
    for z in range(depth):
        for y in range(height):
            x = 0
            while x < width:
                label = labels[z, y, x]
                end = x + 1
                while end < width and labels[z, y, end] == label:
                    end += 1
                if label != 0:
                    box = boxes[np.searchsorted(ids, label)]
                    box[0], box[3] = min(box[0], z), max(box[3], z + 1)
                    box[1], box[4] = min(box[1], y), max(box[4], y + 1)
                    box[2], box[5] = min(box[2], x), max(box[5], end)
                    box[6] += end - x
                x = end
