"""Restore what *Update* in ImageJ's ROI Manager takes from objects: UUIDs and "all channels"."""

from __future__ import annotations

from bridge.detections import Detections
from bridge.formats.imagej_rois import roi_names

_ALL_CHANNELS = -1


def restore_ids(found: Detections, base: Detections) -> Detections:
    """Restore the UUID and the columns of objects that were redrawn in the ROI Manager.

    *Update* in the ROI Manager replaces a ROI by a new one of its name; UUID, class and
    measurements are lost. An object without a known UUID is taken for the missing pushed object
    of its name, reshaped. *Update* also puts a ROI on the channel in front: an object that was
    pushed on all channels stays there.

    Args:
        found: objects that were read back.
        base: objects that were pushed.

    Returns:
        ``found``, in its order; redrawn objects with all columns of ``base`` but the outline and
        the plane.

    >>> import numpy as np
    >>> pushed = Detections.from_labels(np.eye(2, dtype=int))
    >>> redrawn = Detections.from_polygons([], columns={"name": []})
    >>> len(restore_ids(redrawn, pushed))
    0
    """
    missing = {
        name: identity
        for identity, name in zip(base.ids, roi_names(base), strict=True)
        if identity not in found.objects.index
    }
    redrawn = {
        identity: missing.pop(str(name))
        for identity, name in zip(found.ids, found.objects["name"], strict=True)
        if identity not in base.objects.index and name in missing
    }
    objects = found.objects.copy()
    own = ("geometry", "c", "z", "t")
    for identity, known in redrawn.items():
        for column in base.objects.columns:
            if column not in own and column in objects.columns:
                objects.at[identity, column] = base.objects.at[known, column]
    objects.index = [redrawn.get(str(identity), str(identity)) for identity in objects.index]
    on_all = base.objects.index[base.objects["c"] == _ALL_CHANNELS]
    objects.loc[objects.index.isin(on_all), "c"] = _ALL_CHANNELS
    return Detections(objects, found.image, found.outline)
