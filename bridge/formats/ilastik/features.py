"""The feature selection of a project: ``FeatureSelections`` of its file."""

from __future__ import annotations

import h5py
import numpy as np

from bridge.formats.ilastik.content import Content
from bridge.formats.ilastik.feature_selection import FEATURE_IDS, FeatureSelection

GROUP = "FeatureSelections"
"""Group of the feature selection."""

_MOST_SCALES = 100


def read_features(root: Content) -> FeatureSelection | None:
    """Read which features are chosen.

    Args:
        root: the project.

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
    if in_2d is None:  # versions before 1.3.2 filtered stacks in 3D
        in_2d = np.zeros(len(scales), bool)
    if len(in_2d) != len(scales):
        raise group.damaged("ComputeIn2d", f"has not {len(scales)} values")
    rows = dict(zip(ids, matrix.astype(bool).tolist(), strict=True))
    none = [False] * len(scales)
    return FeatureSelection(
        tuple(map(float, scales)),
        tuple(tuple(rows.get(name, none)) for name in FEATURE_IDS),
        tuple(map(bool, in_2d)),
    )


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
