"""Objects that a reviewer drew anew: ImageJ's ROI Manager keeps their name and nothing else."""

from __future__ import annotations

from bridge.detections import Detections
from bridge.formats.imagej_rois import roi_names


def restore_ids(found: Detections, base: Detections) -> Detections:
    """Give redrawn objects their identity back.

    *Update* in the ROI Manager puts a new ROI in the place of an old one, under its name; UUID,
    class and measurements are gone. An object without a known UUID that has the name of a pushed
    one which is missing is that one, reshaped.

    Args:
        found: what was read back.
        base: what was pushed.

    Returns:
        ``found``, in its order; redrawn objects with all that ``base`` knows of them but the
        outline and the plane.
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
    if not redrawn:
        return found
    objects = found.objects.copy()
    own = ("geometry", "c", "z", "t")
    for identity, known in redrawn.items():
        for column in base.objects.columns:
            if column not in own and column in objects.columns:
                objects.at[identity, column] = base.objects.at[known, column]
    objects.index = [redrawn.get(str(identity), str(identity)) for identity in objects.index]
    return Detections(objects, found.image, found.outline)
