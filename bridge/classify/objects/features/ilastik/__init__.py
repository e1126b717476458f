"""ilastik's features of objects, by the definitions of vigra's region statistics.

:mod:`~bridge.classify.objects.features.ilastik.selection` says which there are.
"""

from bridge.classify.objects.features.ilastik.computing import ilastik_features
from bridge.classify.objects.features.ilastik.selection import (
    USUAL_FEATURES,
    FeatureSelection,
    select_features,
)

__all__ = ["USUAL_FEATURES", "FeatureSelection", "ilastik_features", "select_features"]
