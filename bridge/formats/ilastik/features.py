"""The feature selection of a project: ``FeatureSelections`` of its file."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import h5py
import numpy as np

from bridge.errors import BadInputError
from bridge.formats.ilastik.content import Content
from bridge.formats.ilastik.feature_selection import FEATURE_IDS, FeatureSelection

GROUP = "FeatureSelections"
"""Group of the feature selection."""

WINDOW = 3.5
"""Radius of ilastik's widest filter at a scale, in multiples of the scale."""

_MOST_SCALES = 100


def read_features(root: Content, *, is_flat: bool = False) -> FeatureSelection | None:
    """Read which features are chosen.

    Args:
        root: the project.
        is_flat: its images have one slice, so that all features are 2D where it does not say.

    Returns:
        The selection, with rows in the order of :data:`FEATURE_IDS` whatever the project's order;
        ``None`` where none is chosen.

    Raises:
        BadInputError: sizes that disagree, an unknown feature, or a scale that is no length.
    """
    group = root.folder(GROUP)
    if group is None:
        return None
    scales = group.numbers("Scales", axes=1)
    matrix = group.numbers("SelectionMatrix", axes=2)
    if scales is None or matrix is None or not matrix.any():
        return None
    ids = group.texts("FeatureIds") or FEATURE_IDS
    if matrix.shape != (len(ids), len(scales)) or len(scales) > _MOST_SCALES:
        raise group.damaged("SelectionMatrix", f"has not {len(ids)} rows and {len(scales)} columns")
    unknown = [name for name in ids if name not in FEATURE_IDS]
    if unknown or len(set(ids)) < len(ids):
        raise group.damaged("FeatureIds", f"names features that are not known: {', '.join(ids)}")
    if not all(0 < scale < float("inf") for scale in scales.tolist()):
        raise group.damaged("Scales", "has a scale that is not a positive number of pixels")
    in_2d = group.numbers("ComputeIn2d", axes=1)
    if in_2d is None:  # as ilastik itself takes it
        in_2d = np.full(len(scales), is_flat)
    if len(in_2d) != len(scales):
        raise group.damaged("ComputeIn2d", f"has not {len(scales)} values")
    rows = dict(zip(ids, matrix.astype(bool).tolist(), strict=True))
    none = [False] * len(scales)
    return FeatureSelection(
        tuple(map(float, scales)),
        tuple(tuple(rows.get(name, none)) for name in FEATURE_IDS),
        tuple(map(bool, in_2d)),
    )


def fit_features(
    selection: FeatureSelection, sizes: Iterable[tuple[int, int, int]]
) -> tuple[FeatureSelection, tuple[str, ...]]:
    """Adapt a selection to images, as ilastik asks for: it opens no image smaller than a filter.

    Args:
        selection: the features.
        sizes: (slices, rows, columns) of each image.

    Returns:
        The selection, plane by plane at scales whose filter needs more slices than an image has,
        and without scales whose filter needs more rows or columns; and notes for the user.

    Raises:
        BadInputError: no scale is small enough.

    >>> selection, notes = fit_features(FeatureSelection.by_name("default"), [(1, 30, 40)])
    >>> all(selection.in_2d), notes
    (True, ('the scales 10 are left out: an image has 30 rows or columns only',))
    """
    known = [*sizes]
    least_z = min((z for z, _, _ in known), default=1)
    least_side = min((min(y, x) for _, y, x in known), default=2**31)
    needed = [math.ceil(scale * WINDOW) + 1 for scale in selection.scales]
    too_wide = [width > least_side for width in needed]
    in_2d = [flag or width > least_z for flag, width in zip(selection.in_2d, needed, strict=True)]
    chosen = tuple(
        tuple(flag and not wide for flag, wide in zip(row, too_wide, strict=True))
        for row in selection.chosen
    )
    scales = selection.scales
    notes = []
    if any(too_wide):
        left = ", ".join(f"{scale:g}" for scale, wide in zip(scales, too_wide, strict=True) if wide)
        notes.append(
            f"the scales {left} are left out: an image has {least_side} rows or columns only"
        )
    if least_z > 1 and in_2d != list(selection.in_2d):
        flat = [s for s, now, was in zip(scales, in_2d, selection.in_2d, strict=True) if now != was]
        notes.append(
            f"the scales {', '.join(f'{s:g}' for s in flat)} are filtered plane by plane: an image "
            f"has {least_z} slices only"
        )
    if not any(map(any, chosen)):
        raise BadInputError(
            "features",
            f"none is small enough for an image of {least_side} rows or columns",
            "give larger images",
        )
    return replace(selection, chosen=chosen, in_2d=tuple(in_2d)), tuple(notes)


def write_features(file: h5py.File, selection: FeatureSelection) -> None:
    """Write which features are chosen into a project.

    Args:
        file: the project, which has no selection yet.
        selection: the selection.
    """
    group = file.create_group(GROUP)
    group["StorageVersion"] = b"0.1"
    group["FeatureIds"] = [name.encode() for name in FEATURE_IDS]
    group["Scales"] = np.array(selection.scales, np.float64)
    group["SelectionMatrix"] = np.array(selection.chosen, bool)
    group["ComputeIn2d"] = np.array(selection.in_2d, bool)
