"""Features of objects that a project chooses, and the margin of their neighbourhood.

Stored as ``ObjectClassification/SelectedFeatures/PLUGIN/FEATURE``, empty groups or groups of
settings; ``ObjectExtraction/Features`` has those that are computed, which may be more. Source:
ilastik's ``objectClassificationSerializer.py`` and ``objectExtractionSerializer.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bridge.formats.ilastik.content import Content, opened
from bridge.formats.ilastik.project import OBJECTS, IlastikProject

_EXTRACTION = "ObjectExtraction"
_LARGEST = 10_000


@dataclass(frozen=True)
class ObjectFeatures:
    """Features of objects that a project chooses.

    Attributes:
        names: names of the features to train on, by the name of their plugin.
        margin: of the neighbourhood along x, y and z, in pixels; ``None`` where there is none.
            ilastik computes all neighbourhoods with the largest margin that any feature has.
    """

    names: dict[str, tuple[str, ...]]
    margin: tuple[int, int, int] | None


def read_object_features(project: IlastikProject) -> ObjectFeatures:
    """Read which features of objects a project chooses.

    Args:
        project: of object classification. Where it does not say which of the computed features to
            train on, all are.

    Raises:
        BadInputError: the project is damaged.
    """
    with opened(project.path) as root:
        selected = root.folder(OBJECTS, "SelectedFeatures")
        computed = root.folder(_EXTRACTION, "Features")
        margins = [*_margins(selected), *_margins(computed)]
        names = _names(selected) or _names(computed)
    if not margins:
        return ObjectFeatures(names, None)
    x, y, z = (max(sizes) for sizes in zip(*margins, strict=True))
    return ObjectFeatures(names, (x, y, z))


def _names(plugins: Content | None) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for plugin in [] if plugins is None else plugins.names():
        features = None if plugins is None else plugins.folder(plugin)
        if features is not None and features.names():
            found[plugin] = tuple(features.names())
    return found


def _margins(plugins: Content | None) -> list[tuple[int, int, int]]:
    found = []
    for plugin, names in _names(plugins).items():
        for name in names:
            feature = None if plugins is None else plugins.folder(plugin, name)
            stored = None if feature is None else feature.dataset("margin")
            if feature is None or stored is None:
                continue
            sizes = np.atleast_1d(np.asarray(feature.numbers("margin", axes=stored.ndim)))
            whole = sizes.dtype.kind in "iu" or bool((sizes == np.floor(sizes)).all())
            sound = whole and sizes.ndim == 1 and len(sizes) in (1, 3)
            if not sound or sizes.min() < 0 or sizes.max() > _LARGEST:
                raise feature.damaged("margin", "is no margin along x, y and z")
            x, y, z = (int(size) for size in np.broadcast_to(sizes, 3))
            found.append((x, y, z))
    return found
