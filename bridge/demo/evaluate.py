"""Comparison of a model's nuclei with nuclei that were outlined by hand."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.errors import MissingPartError
from bridge.examples.microscope_image import read_microscope_image, read_microscope_mask
from bridge.model.folder import DEMO, open_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement of found nuclei with those outlined by hand, at one overlap.

    Attributes:
        iou: least intersection over union at which two outlines count as the same nucleus.
        matched: nuclei found that are also in the hand-made mask.
        spurious: nuclei found that are not.
        missed: nuclei of the hand-made mask that were not found.
        precision: part of the nuclei found that are in the mask (0 to 1).
        recall: part of the mask's nuclei that were found (0 to 1).
        f1: harmonic mean of precision and recall (0 to 1).
    """

    iou: float
    matched: int
    spurious: int
    missed: int
    precision: float
    recall: float
    f1: float


def evaluate(
    model: str | PathLike[str] = DEMO, *, ious: tuple[float, ...] = (0.5, 0.7)
) -> tuple[Agreement, ...]:
    """Segment StarDist's own test image and compare with its hand-made mask.

    The image (512 x 512 pixels, 125 nuclei) comes with the ``stardist`` package and is from the
    2018 Data Science Bowl. The demo model was not trained on it, and it chose neither the epoch nor
    the thresholds; the model card says what was known of it.

    Args:
        model: a StarDist 2D model folder, or ``demo``.
        ious: overlaps (intersection over union) at which to compare.

    Returns:
        One agreement for each overlap, in their order.

    Raises:
        BadInputError: if the folder is no usable model.
        MissingPartError: if StarDist or TensorFlow is not installed.

    >>> evaluate()[0].f1 > 0.9  # doctest: +SKIP
    True
    """
    folder = open_model(model)
    try:
        from csbdeep.utils import normalize
        from stardist.models import StarDist2D
    except ImportError as error:
        raise MissingPartError("segment", "run a StarDist model", str(error.name)) from error

    image, mask = read_microscope_image(), read_microscope_mask()
    path = folder.path.resolve()
    # csbdeep reports on stdout, which belongs to the command's results
    with contextlib.redirect_stdout(sys.stderr):
        network = StarDist2D(None, name=path.name, basedir=str(path.parent))
        found, _ = network.predict_instances(
            normalize(image, *folder.recipe.percentiles),
            prob_thresh=folder.recipe.prob,
            nms_thresh=folder.recipe.nms,
        )
    return compare([mask], [found], ious=ious)


def compare(
    masks: Sequence[NDArray[np.integer[Any]]],
    found: Sequence[NDArray[np.integer[Any]]],
    *,
    ious: tuple[float, ...] = (0.5, 0.7),
) -> tuple[Agreement, ...]:
    """Compare label images, all of them together.

    Args:
        masks: the true label images (YX, any integers).
        found: the label images to judge, of the same shapes and in the same order.
        ious: overlaps (intersection over union) at which to compare.

    Returns:
        One agreement for each overlap, in their order.

    >>> import numpy as np
    >>> mask, found = np.array([[1, 1, 0, 2, 2]]), np.array([[5, 5, 0, 0, 0]])
    >>> agreement = compare([mask], [found], ious=(0.5,))[0]
    >>> agreement.matched, agreement.missed, agreement.precision, agreement.recall
    (1, 1, 1.0, 0.5)
    """
    from stardist.matching import matching_dataset

    return tuple(
        Agreement(
            iou=iou,
            matched=int(match.tp),
            spurious=int(match.fp),
            missed=int(match.fn),
            precision=float(match.precision),
            recall=float(match.recall),
            f1=float(match.f1),
        )
        for iou, match in zip(
            ious, matching_dataset(masks, found, thresh=ious, show_progress=False), strict=True
        )
    )
