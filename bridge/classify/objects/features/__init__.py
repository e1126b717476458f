"""Features of objects: a fixed set of named columns.

:mod:`~bridge.classify.objects.features.names` says which there are and what they mean.
"""

from bridge.classify.objects.features.computing import object_features
from bridge.classify.objects.features.settings import FeatureSettings

__all__ = ["FeatureSettings", "object_features"]
