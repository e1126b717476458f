"""Say how much reviewers changed of what models found: the agreement of pushes with reviews.

The objects as the reviewer left them are taken for the truth, the pushed ones for what was found.
Objects whose outline a reviewer had decided before the push are left out on both sides: they say
nothing of the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from bridge.review.rounds import Round
from bridge.review.scope import Scope
from bridge.training.evaluation.scoring import IOUS, Overlap, Score, pool_scores
from bridge.training.sources.options import ReadOptions
from bridge.training.sources.reviewed import select_training_objects

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class ReviewScore:
    """Agreement of a push with its review in an image.

    Attributes:
        image: its name.
        push: number of the push, from 1.
        time: when it was pushed, as text.
        kept: pushed objects whose outline stayed.
        reshaped: pushed objects whose outline was changed.
        deleted: pushed objects that were deleted.
        added: objects that the reviewer drew.
        carried: pushed objects that are left out, because a reviewer had decided their outline
            before.
        reshaped_iou: mean overlap of the reshaped objects with what was pushed; NaN without any.
        overlap: overlaps of the pushed with the reviewed objects.
    """

    image: str
    push: int
    time: str
    kept: int
    reshaped: int
    deleted: int
    added: int
    carried: int
    reshaped_iou: float
    overlap: Overlap

    def as_dict(self) -> dict[str, Any]:
        """Return the counts by name, for tables and JSON."""
        shown = ("image", "push", "time", "kept", "reshaped", "deleted", "added", "carried")
        mean = self.reshaped_iou
        return {name: getattr(self, name) for name in shown} | {
            "reshaped_iou": None if np.isnan(mean) else mean
        }


def score_round(
    image: str, one: Round, options: ReadOptions, *, whole: bool = True, is_typed: bool = True
) -> ReviewScore | None:
    """Score a push by what the reviewer made of it.

    Objects count inside of what was reviewed: reviewed ones whose centroid lies there, and pushed
    ones likewise, or where they match one.

    Args:
        image: name of the image.
        one: the round.
        options: classes of the regions that were reviewed, and which objects count.
        whole: the whole image was reviewed; else what is inside of regions.
        is_typed: as in :func:`bridge.training.sources.reviewed.select_training_objects`.

    Returns:
        ``None`` where nothing was reviewed.
    """
    if not one.is_reviewed:
        return None
    selected = select_training_objects(one.reviewed.objects, options, is_typed=is_typed)
    pushed = select_training_objects(one.pushed.objects, options, is_typed=is_typed).objects
    if not whole and not len(selected.regions):
        return None
    scope = Scope(regions=None if whole else selected.regions)
    left_out = [*one.carried, *one.regions]
    true = selected.objects[~selected.objects.index.isin(left_out)]
    true = true[scope.covers(true)]
    carried = int((pushed.index.isin(list(one.carried)) & scope.covers(pushed)).sum())
    pushed = pushed[~pushed.index.isin(left_out)]
    inside = scope.covers(pushed)
    here = pushed.index[inside]
    changed = {what: here.isin(list(one.of(what))) for what in ("deleted", "reshaped")}
    return ReviewScore(
        image=image,
        push=one.push,
        time=one.time,
        kept=int((~changed["deleted"] & ~changed["reshaped"]).sum()),
        reshaped=int(changed["reshaped"].sum()),
        deleted=int(changed["deleted"].sum()),
        added=int(true.index.isin(list(one.of("added"))).sum()),
        carried=carried,
        reshaped_iou=_mean_iou(pushed.loc[here[changed["reshaped"]]], one.reviewed.objects),
        overlap=overlap_of_outlines(true, pushed, inside),
    )


def pool_pushes(scores: Iterable[ReviewScore]) -> dict[int, list[ReviewScore]]:
    """Return the scores of each push, by its number in rising order."""
    pushes: dict[int, list[ReviewScore]] = {}
    for score in scores:
        pushes.setdefault(score.push, []).append(score)
    return dict(sorted(pushes.items()))


def pool_reviews(scores: Sequence[ReviewScore], ious: Sequence[float] = IOUS) -> tuple[Score, ...]:
    """Return a score for each overlap, the objects of all images together."""
    return pool_scores((score.overlap for score in scores), ious)


def overlap_of_outlines(
    true: GeoDataFrame, found: GeoDataFrame, inside: NDArray[np.bool_] | None = None
) -> Overlap:
    """Measure how outlines overlap, without drawing label images.

    Args:
        true: rows of :class:`bridge.detections.Detections`.
        found: likewise.
        inside: which of the found objects lie in what was reviewed; all where ``None``.

    Returns:
        Areas are those of the outlines, in whole pixels; labels are row numbers from 1. Objects on
        different slices or time points do not overlap.
    """
    ours, theirs = (_valid(frame) for frame in (true, found))
    columns, rows = shapely.STRtree(ours).query(theirs, predicate="intersects")
    planes = [frame[["z", "t"]].to_numpy() for frame in (true, found)]
    same = (planes[0][rows] == planes[1][columns]).all(axis=1)
    rows, columns = rows[same], columns[same]
    shared = shapely.area(shapely.intersection(ours[rows], theirs[columns]))
    areas = [shapely.area(outlines) for outlines in (ours, theirs)]
    union = areas[0][rows] + areas[1][columns] - shared
    ious = np.divide(shared, union, out=np.zeros(len(union)), where=union > 0)
    overlaps = ious > 0
    sizes = np.maximum(np.rint(areas[1]), 1).astype(np.int64)
    reviewed = np.ones(len(found), bool) if inside is None else inside
    return Overlap(
        true_labels=np.arange(1, len(true) + 1),
        true_areas=np.maximum(np.rint(areas[0]), 1).astype(np.int64),
        found_labels=np.arange(1, len(found) + 1),
        found_areas=np.where(reviewed, sizes, 0),
        found_sizes=sizes,
        probabilities=found["prob"].to_numpy(np.float64, na_value=np.nan),
        rows=rows[overlaps],
        columns=columns[overlaps],
        # rounding errors of polygons: an outline overlaps itself by all of it
        ious=np.minimum(np.round(ious[overlaps], 9), 1.0),
    )


def _mean_iou(pushed: GeoDataFrame, reviewed: GeoDataFrame) -> float:
    """Return the mean overlap of pushed objects with themselves after the review."""
    pushed = pushed[pushed.index.isin(reviewed.index)]
    if not len(pushed):
        return float("nan")
    ours, theirs = _valid(pushed), _valid(reviewed.loc[pushed.index])
    shared = shapely.area(shapely.intersection(ours, theirs))
    union = shapely.area(ours) + shapely.area(theirs) - shared
    return float(np.divide(shared, union, out=np.zeros(len(union)), where=union > 0).mean())


def _valid(frame: GeoDataFrame) -> NDArray[np.object_]:
    outlines: Any = frame.geometry.to_numpy(object)
    valid: NDArray[np.object_] = shapely.make_valid(outlines)
    return valid
