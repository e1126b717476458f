"""Test images, and the comparison of a file's output with the expected one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_export.keras_model import KerasModel

PROBABILITY_BAR = 1e-5
"""Largest absolute difference of a probability that passes."""

DISTANCE_BAR = 3e-4
"""Largest absolute difference of a distance that passes, pixels.

Rounding alone gives 1.1e-4 in noise, in a runtime that adds in another order on some processors.
"""

NOISE, PHOTO = "random", "real"
"""Names of the test images."""

_SMALLEST_DISTANCE = 1e-3  # StarDist's own bound: no ray is shorter
_MOST_CANDIDATES = 20_000  # an untrained model calls half of the image a nucleus
_ROUNDING = 2e-6  # how far rounding may push a probability
_BORDER = 2  # StarDist trusts no object centred in the outermost two predictions
_RANDOM_SIZE = {2: (96, 128), 3: (16, 32, 48)}
_VOLUME = (32, 64, 64)


@dataclass(frozen=True)
class TrialImage:
    """A test image.

    Attributes:
        name: ``random`` or ``real``.
        pixels: (spatial…, channels) float32, normalised.
        remark: how it differs from the image that StarDist brings along; ``""`` where it does not.
    """

    name: str
    pixels: NDArray[Any]
    remark: str = ""


@dataclass(frozen=True)
class Detector:
    """StarDist's non-maximum suppression with the settings of a model.

    Attributes:
        grid: pixels between neighbours in the tensor.
        rays: rays among the channels.
        threshold: probability above which a candidate counts.
        nms: overlap above which the less probable of two candidates is removed.
        rays3d: StarDist's rays of a 3D model, else ``None``.
        upsampled: neighbouring predictions' distance in the tensor, where it was enlarged to the
            image's size; ``None`` where it was not.

    Example:
        >>> tensor = np.full((8, 8, 1 + 8), 3.0)
        >>> tensor[..., 0] = 0
        >>> tensor[2, 1, 0] = tensor[4, 2, 0] = 0.9  # the first one is too close to the border
        >>> Detector((2, 2), 8, 0.5, 0.4).objects(tensor)
        frozenset({(8, 4)})
    """

    grid: tuple[int, ...]
    rays: int
    threshold: float
    nms: float
    rays3d: Any = None
    upsampled: tuple[int, ...] | None = None

    def objects(self, tensor: NDArray[Any]) -> frozenset[tuple[int, ...]]:
        """Return the pixel positions of the candidates that remain.

        Args:
            tensor: a network's output, (spatial…, 1 + rays + …).
        """
        from stardist import nms

        chosen: NDArray[np.bool_] = np.zeros(tensor.shape[:-1], bool)
        steps = self.upsampled or (1,) * chosen.ndim
        inner = tuple(
            slice(_BORDER * step, n - _BORDER * step)
            for n, step in zip(chosen.shape, steps, strict=True)
        )
        chosen[inner] = tensor[inner][..., 0] > self.threshold
        points = np.argwhere(chosen) * np.array(self.grid)
        # Far more candidates than expected are compared themselves: their NMS would take hours.
        if 0 < len(points) <= 2 * _MOST_CANDIDATES:
            prob = np.ascontiguousarray(tensor[chosen][:, 0], np.float32)
            dist = np.nan_to_num(tensor[chosen][:, 1 : 1 + self.rays], posinf=0, neginf=0)
            dist = np.maximum(dist, _SMALLEST_DISTANCE).astype(np.float32)
            options = {"nms_thresh": self.nms, "verbose": False}
            if self.rays3d is None:
                points, *_ = nms.non_maximum_suppression_sparse(dist, prob, points, **options)
            else:
                points, *_ = nms.non_maximum_suppression_3d_sparse(
                    dist, prob, points, self.rays3d, **options
                )
        return frozenset(tuple(int(v) for v in point) for point in points)


@dataclass(frozen=True)
class Expected:
    """The output that a file must give for an image.

    Attributes:
        image: the image.
        tensor: (spatial…, 1 + rays + classes) float32.
        detector: the detector of the objects in ``tensor``.
        objects: pixel positions of the objects, on the real image only: in noise there are none.
        remark: why they are not as many as ``starbridge segment`` finds in the real image; ``""``
            where they are.
    """

    image: TrialImage
    tensor: NDArray[Any]
    detector: Detector
    objects: frozenset[tuple[int, ...]] | None
    remark: str = ""


@dataclass(frozen=True)
class Difference:
    """The difference between a file's output and the expected one.

    Attributes:
        image: ``random`` or ``real``.
        probability: largest absolute difference of a probability.
        distance: largest absolute difference of a distance, pixels.
        classes: largest absolute difference of a class's probability; ``None`` without classes.
        objects: objects after NMS in the file's output; ``None`` for noise.
        expected_objects: objects after the same NMS in the expected output; ``None`` for noise.
        same_objects: whether the very same candidates remain in both; where two candidates of a
            nucleus are equally probable to within rounding, either may.
        remark: as :attr:`Expected.remark`.

    Example:
        >>> Difference("random", 2e-5, 0, None, None, None, True).failure
        'probabilities differ by up to 2e-05 (allowed: 1e-05)'
    """

    image: str
    probability: float
    distance: float
    classes: float | None
    objects: int | None
    expected_objects: int | None
    same_objects: bool
    remark: str = ""

    @property
    def failure(self) -> str | None:
        """Reason why it does not pass, as a clause; ``None`` if it does."""
        if not self.probability <= PROBABILITY_BAR or not (self.classes or 0) <= PROBABILITY_BAR:
            worst = max(self.probability, self.classes or 0)
            return f"probabilities differ by up to {worst:.2g} (allowed: {PROBABILITY_BAR:g})"
        if not self.distance <= DISTANCE_BAR:
            return f"distances differ by up to {self.distance:.2g} px (allowed: {DISTANCE_BAR:g})"
        if not self.same_objects:
            if self.objects == self.expected_objects:
                return "it finds other objects"
            return f"it finds {self.objects} objects instead of {self.expected_objects}"
        return None


_Answer = tuple[
    TrialImage, tuple[NDArray[Any], ...], Detector, frozenset[tuple[int, ...]] | None, str
]


class Reference:
    """A model's own output in Keras, on a random and on a real image.

    Args:
        model: the model, loaded.
    """

    name = "Keras"

    def __init__(self, model: KerasModel) -> None:
        self._model = model
        self._folder = model.folder
        self._answers: dict[tuple[int, ...] | None, list[_Answer]] = {}

    def expected(
        self, *, upsampled: bool, classes: bool, size: tuple[int, ...] | None = None
    ) -> list[Expected]:
        """Return the outputs that a file must give.

        Args:
            upsampled: whether its output has the input's size.
            classes: whether the classes' probabilities follow the rays.
            size: the only image size that the file takes, else ``None``.
        """
        if size not in self._answers:
            images = trial_images(
                self._folder.n_dim,
                self._folder.n_channels,
                self._model.divisor,
                self._folder.recipe.percentiles,
                size,
            )
            self._answers[size] = [self._answer(image) for image in images]
        grid, result = self._folder.grid, []
        for image, outputs, detector, objects, remark in self._answers[size]:
            heads = list(outputs if classes else outputs[:2])
            if upsampled:
                heads = [_sparse(heads[0], grid), *(_repeat(h, grid) for h in heads[1:])]
                detector = replace(  # noqa: PLW2901
                    detector, grid=(1,) * len(grid), upsampled=grid
                )
            tensor = np.concatenate(heads, axis=-1)
            result.append(Expected(image, tensor, detector, objects, remark))
        return result

    def _answer(self, image: TrialImage) -> _Answer:
        outputs = self._model.predict(image.pixels)
        folder, recipe = self._folder, self._folder.recipe
        detector = Detector(folder.grid, folder.n_rays, recipe.prob, recipe.nms, self._model.rays)
        if image.name == NOISE:
            return image, outputs, detector, None, ""
        detector = replace(detector, threshold=comparison_threshold(outputs[0], recipe.prob))
        objects = detector.objects(np.concatenate(outputs[:2], axis=-1))
        remarks = [image.remark] if image.remark else []
        if np.count_nonzero(outputs[0] > recipe.prob) != np.count_nonzero(
            outputs[0] > detector.threshold
        ):
            remarks.append(f"at a probability threshold of {detector.threshold:.7g}")
        return image, outputs, detector, objects, ", ".join(remarks)


def trial_images(
    n_dim: int,
    channels: int,
    divisor: tuple[int, ...],
    percentiles: tuple[float, float],
    size: tuple[int, ...] | None,
) -> list[TrialImage]:
    """Return the test images: noise, and the microscope image that is part of StarDist.

    Args:
        n_dim: spatial axes.
        channels: channels; further ones are dimmer copies of the first.
        divisor: every axis is cut or extended to a multiple of these, pixels.
        percentiles: (low, high) of the real image that are scaled to 0 and 1.
        size: the only size that the model takes, else ``None``.
    """
    from stardist.data import test_image_nuclei_2d, test_image_nuclei_3d

    wanted = size or tuple(
        -(-pixels // d) * d for pixels, d in zip(_RANDOM_SIZE[n_dim], divisor, strict=True)
    )
    # RandomState gives the same numbers in every version of numpy.
    random = np.random.RandomState(20240607).random_sample((*wanted, channels))
    if n_dim == 2:
        plane = np.asarray(test_image_nuclei_2d(), np.float64)
    else:
        plane = np.asarray(test_image_nuclei_3d(), np.float64)[tuple(slice(s) for s in _VOLUME)]
    whole = plane.shape
    low, high = np.percentile(plane, percentiles)
    plane = (plane - low) / (high - low)
    if size is not None:
        plane = np.pad(
            plane, [(0, max(0, s - p)) for s, p in zip(size, plane.shape, strict=True)], "wrap"
        )[tuple(slice(s) for s in size)]
    else:
        plane = plane[tuple(slice(s // d * d) for s, d in zip(plane.shape, divisor, strict=True))]
    remarks = []
    if plane.shape != whole:
        remarks.append(f"of {' x '.join(map(str, plane.shape))} pixels of it")
    if channels > 1:
        remarks.append(f"with dimmer copies of it as {channels - 1} further channels")
    real = np.stack([plane / (1 + index) for index in range(channels)], axis=-1)
    return [
        TrialImage(NOISE, random.astype(np.float32)),
        TrialImage(PHOTO, real.astype(np.float32), ", ".join(remarks)),
    ]


def compare(expected: Expected, tensor: NDArray[Any]) -> Difference:
    """Compare a file's output with the expected one of the same shape.

    Args:
        expected: the expected output.
        tensor: the file's output, (spatial…, channels).
    """
    apart = np.abs(tensor.astype(np.float64) - expected.tensor)
    # NaN compares false with every bar, so it must not vanish in a maximum.
    apart[~np.isfinite(tensor)] = np.inf
    rays_end = 1 + expected.detector.rays
    found, same = None, True
    if expected.objects is not None:
        found = expected.detector.objects(tensor)
        same = _same(expected, expected.objects, found)
    return Difference(
        expected.image.name,
        float(apart[..., 0].max()),
        float(apart[..., 1:rays_end].max()),
        float(apart[..., rays_end:].max()) if tensor.shape[-1] > rays_end else None,
        None if found is None else len(found),
        None if expected.objects is None else len(expected.objects),
        same,
        expected.remark,
    )


def _same(
    expected: Expected, wanted: frozenset[tuple[int, ...]], found: frozenset[tuple[int, ...]]
) -> bool:
    """Return whether the objects are the same, ties between two candidates of a nucleus aside."""
    changed = []
    for points in (wanted - found, found - wanted):
        places = [
            tuple(p // g for p, g in zip(q, expected.detector.grid, strict=True)) for q in points
        ]
        changed.append(sorted(float(expected.tensor[(*place, 0)]) for place in places))
    before, after = changed
    return len(before) == len(after) and all(
        abs(a - b) <= PROBABILITY_BAR for a, b in zip(before, after, strict=True)
    )


def comparison_threshold(prob: NDArray[Any], wanted: float) -> float:
    """Return the probability threshold at which two runtimes can be compared.

    It is the wanted one, or just above it where a candidate lies so close that rounding decides;
    higher where an untrained model makes candidates by the ten thousand.
    """
    values = np.sort(prob, axis=None)
    if np.count_nonzero(values > wanted) > _MOST_CANDIDATES:
        wanted = float(values[-_MOST_CANDIDATES])
    threshold = wanted
    for value in values[np.searchsorted(values, wanted - _ROUNDING) :]:
        if value > threshold + _ROUNDING:
            break
        threshold = float(value) + 2 * _ROUNDING
    return threshold


def _repeat(head: NDArray[Any], grid: tuple[int, ...]) -> NDArray[Any]:
    for axis, size in enumerate(grid):
        head = head.repeat(size, axis)
    return head


def _sparse(head: NDArray[Any], grid: tuple[int, ...]) -> NDArray[Any]:
    sizes = tuple(s * g for s, g in zip(head.shape, grid, strict=False))
    full = np.zeros((*sizes, head.shape[-1]), head.dtype)
    full[tuple(slice(None, None, g) for g in grid)] = head
    return full
