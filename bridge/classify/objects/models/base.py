"""Interface of a model that says how probable each class is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from bridge.classify.objects.masked_crops import MaskedCrops


class ObjectModel(Protocol):
    """A trained model of ``n_classes`` classes.

    Attributes:
        kind: key in :data:`bridge.classify.objects.models.registry.MODELS`.
        dtypes: type of each array that it is stored in.
    """

    kind: ClassVar[str]
    dtypes: ClassVar[Mapping[str, str]]

    @property
    def n_classes(self) -> int:
        """Number of classes."""

    @property
    def n_features(self) -> int:
        """Number of features."""

    def predict_proba(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability (n, n_classes) of each class for standardised features (n, f)."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what the model consists of, by the names of :attr:`dtypes`."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], n_features: int) -> Self:
        """Return the model of arrays.

        Raises:
            ValueError: arrays that do not fit each other.
        """


class CropModel(Protocol):
    """A trained model of ``n_classes`` classes that looks at masked crops, not at features.

    Attributes:
        kind: key in :data:`bridge.classify.objects.models.registry.CROP_MODELS`.
        dtypes: type of each array that it is stored in.
    """

    kind: ClassVar[str]
    dtypes: ClassVar[Mapping[str, str]]

    @property
    def n_classes(self) -> int:
        """Number of classes."""

    @property
    def n_features(self) -> int:
        """Number of measured features: 0."""

    @property
    def n_channels(self) -> int:
        """Number of channels of the crops."""

    def predict_proba(self, crops: MaskedCrops) -> NDArray[np.float64]:
        """Return the probability (n, n_classes) of each class for crops of n objects."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what the model consists of, by the names of :attr:`dtypes`."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], n_features: int) -> Self:
        """Return the model of arrays; ``n_features`` is 0.

        Raises:
            ValueError: arrays that do not fit each other.
        """
