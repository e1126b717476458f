"""The features chosen in an ilastik project: which filter at which scale.

Source of the names and of their order: projects written by ilastik 1.3 to 1.4,
``FeatureSelections/{FeatureIds, Scales, SelectionMatrix, ComputeIn2d}``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bridge.errors import BadInputError

FEATURE_IDS = (
    "GaussianSmoothing",
    "LaplacianOfGaussian",
    "GaussianGradientMagnitude",
    "DifferenceOfGaussians",
    "StructureTensorEigenvalues",
    "HessianOfGaussianEigenvalues",
)
"""Names of ilastik's filters, in its order."""

DEFAULT_SCALES = (0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0)
"""Scales, in pixels, that ilastik offers at first."""

LEAST_DERIVATIVE_SCALE = 0.7
"""Least scale, in pixels, at which ilastik offers more than smoothing."""


@dataclass(frozen=True)
class FeatureSelection:
    """The chosen filters of a pixel classifier.

    Attributes:
        scales: scales, in pixels, one for each column of ``chosen``.
        chosen: one row for each of :data:`FEATURE_IDS`, one column for each scale.
        in_2d: for each scale, filter plane by plane even in a stack.

    Raises:
        BadInputError: nothing is chosen, a scale is not positive, or the sizes disagree.

    >>> selection = FeatureSelection.by_name("default")
    >>> len(list(selection.filters())), next(selection.filters())
    (37, ('GaussianSmoothing', 0.3, False))
    """

    scales: tuple[float, ...]
    chosen: tuple[tuple[bool, ...], ...]
    in_2d: tuple[bool, ...]

    def __post_init__(self) -> None:
        """Check that the sizes agree and that something is chosen."""
        columns = len(self.scales)
        if (
            len(self.chosen) != len(FEATURE_IDS)
            or any(len(row) != columns for row in self.chosen)
            or len(self.in_2d) != columns
        ):
            raise BadInputError(
                "the features",
                f"have not {len(FEATURE_IDS)} rows and {columns} columns, one for each scale",
                "choose the features anew",
            )
        if not all(0 < scale < float("inf") for scale in self.scales):
            raise BadInputError("the features", "have a scale that is no positive number of pixels")
        if not any(map(any, self.chosen)):
            raise BadInputError("the features", "are empty: none is chosen", "choose at least one")

    @classmethod
    def by_name(cls, name: str) -> FeatureSelection:
        """Return a ready choice: ``default``, ``2d`` or ``fast``.

        ``default`` has every filter at every scale; ``2d`` is the same filtered plane by plane
        whatever the image is, which is ``default`` for a plane; ``fast`` leaves out the two widest
        scales, which need the most time.

        Raises:
            BadInputError: no choice has that name.
        """
        if name not in ("default", "2d", "fast"):
            raise BadInputError("the features", f"cannot be {name}", "choose default, 2d or fast")
        scales = DEFAULT_SCALES[:-2] if name == "fast" else DEFAULT_SCALES
        smoothing = (True,) * len(scales)
        derivative = tuple(scale >= LEAST_DERIVATIVE_SCALE for scale in scales)
        chosen = (smoothing, *(derivative for _ in FEATURE_IDS[1:]))
        return cls(scales, chosen, (name != "default",) * len(scales))

    def filters(self) -> Iterator[tuple[str, float, bool]]:
        """Yield each chosen filter in ilastik's order: its name, its scale in pixels, is it 2D."""
        for name, row in zip(FEATURE_IDS, self.chosen, strict=True):
            for scale, in_2d, is_chosen in zip(self.scales, self.in_2d, row, strict=True):
                if is_chosen:
                    yield name, scale, in_2d
