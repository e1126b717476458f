"""Merge a reviewer's decisions with a new segmentation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from bridge.detections import FIELDS, GEOMETRIES, Detections, new_ids, number_labels
from bridge.errors import BadInputError
from bridge.images.info import ImageInfo
from bridge.review.changes import CARRIED, Changes, compare
from bridge.review.matching import Match, MergePolicy, ReviewedObjects, match_objects
from bridge.review.overlaps import family, find_overlaps
from bridge.review.pushed import ADDED, Pushed
from bridge.review.rows import concat_tables, set_values

BEFORE_CONFLICT = "class before conflict"
"""Metadata column that keeps the class of an object shown in the class of conflicts."""
MOVED = "moved"
"""Metadata column of a deleted outline: UUID of the object that was moved away from it."""

_PLACE = ["object_type", "c", "z", "t", "geometry"]
_AS_DRAWN = frozenset({ADDED, *GEOMETRIES, "object_type", "c", "z", "t"})
"""An object stays as it is where the reviewer decided one of these fields."""

Decided = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Merged:
    """Result of :func:`merge`.

    Attributes:
        pushed: the objects with the decisions of all reviews: what to store, and the ``base`` of
            the next :func:`merge`.
        review: the reviewer's edits since the last push.
        changes: a row for every object that a reviewer ever decided on: ``id``, ``what``
            (``kept``, ``new outline``, ``stays deleted``), ``why`` (the decided columns, or
            ``locked``, ``added``, ``deleted``, ``moved away``), and ``new_id``, the UUID of the
            new segmentation's object in this place, if any.
        conflicts: objects on which reviewer and new segmentation disagree, to be checked by the
            user: ``id``, ``what`` (``not found``, ``split``, ``joined``, ``in the way``), ``why``,
            ``new_id``.

    >>> objects = Detections.from_labels(np.eye(2, dtype=int))
    >>> merged = merge(objects, reviewed=objects, new=objects)
    >>> len(merged.detections), len(merged.changes), len(merged.conflicts)
    (1, 0, 0)
    """

    pushed: Pushed
    review: Changes
    changes: pd.DataFrame
    conflicts: pd.DataFrame

    @property
    def detections(self) -> Detections:
        """The objects to push."""
        return self.pushed.detections


def merge(
    base: Pushed | Detections,
    reviewed: Detections,
    new: Detections,
    *,
    fields: Collection[str] = CARRIED,
    overlap: float = 0.5,
    conflict_class: str | None = None,
) -> Merged:
    """Merge a new segmentation with a review; no decision of the reviewer is lost.

    ======================= =====================================================================
    the reviewer's object   in the result
    ======================= =====================================================================
    deleted                 stays deleted; what the new segmentation finds there is set aside
    added, reshaped, moved, stays exactly as it is; what the new segmentation finds there is set
    retyped, or locked      aside
    otherwise edited        takes the new outline, probability, measurements and label, and keeps
                            its UUID and all that the reviewer decided; without a match it stays
                            as it is, and is a conflict
    untouched               becomes the new object and keeps its UUID; without a match it goes
    annotation              stays as it is, and so do tiles unless the segmentation has tiles
    ======================= =====================================================================

    Two objects overlap if they share the part ``overlap`` of the smaller of the two
    (:func:`bridge.review.overlaps.find_overlaps`). Of the overlapping pairs, those with the best
    intersection over union are matched, one to one. A new object without a match is added.

    A new object that overlaps an edited object and another one is set aside, because it cannot
    replace both. Whatever a new object that is set aside overlaps stays as the reviewer left it;
    these are conflicts, too.

    Merging the same segmentation again, with ``base=merged.pushed`` and nothing reviewed since,
    changes nothing.

    Args:
        base: what was pushed; detections for a first push, before which there are no reviews.
        reviewed: what came back.
        new: the new segmentation of the same image, of all its planes.
        fields: what the way back can carry, as in :func:`compare`.
        overlap: above 0, at most 1.
        conflict_class: class that objects in conflict are put in, so that they are found; their
            own class is kept in the metadata ``class before conflict`` until a reviewer gives
            them another one.

    Raises:
        BadInputError: images of different sizes, ``overlap`` out of range, an unknown field.

    >>> objects = Detections.from_labels(np.eye(2, dtype=int))
    >>> nothing_left = Detections(objects.objects.iloc[:0], objects.image)
    >>> len(merge(objects, reviewed=nothing_left, new=objects).detections)
    0
    """
    if not 0 < overlap <= 1:
        raise BadInputError(
            "overlap", f"{overlap} is not a part of an area", "give a number above 0, up to 1"
        )
    base = Pushed.of(base)
    _check_size(base.detections.image, new.image)
    review = compare(base, reviewed, fields=fields)
    left = review.applied.objects
    _end_conflicts(left, review)
    decided = _all_decided(base.decided, review.decided, left.index)
    deleted = _deleted(base, review, overlap)
    objects = _reviewed_objects(left, deleted, decided, new)
    found = match_objects(objects, new.objects, base, overlap)

    ids = _result_ids(objects, new, found)
    frame = _assembled(left, new.objects, found, decided, ids)
    if conflict_class is not None:
        concerned = {str(objects.places.index[conflict.row]) for conflict in found.conflicts}
        concerned |= {ids[c.new] for c in found.conflicts if c.what == "split"}
        decided = _put_in_class(frame, concerned, conflict_class, decided)
    frame = _without_empty(frame, new.objects)
    image = base.detections.image if new.image == ImageInfo() else new.image
    detections = Detections(frame, image, new.outline)

    names, new_names = objects.places.index.tolist(), new.ids
    found_as = dict(base.found_as)
    for row in np.flatnonzero(found.found >= 0).tolist():
        found_as[names[row]] = new_names[found.found[row]]
    found_as |= {ids[k]: new_names[k] for k in np.flatnonzero(found.added).tolist()}
    known = {*detections.ids, *deleted.ids}
    pushed = Pushed(
        detections,
        {i: names for i, names in decided.items() if i in known},
        deleted,
        {ours: theirs for ours, theirs in found_as.items() if ours in known and ours != theirs},
        frozenset(new.objects.index[found.set_aside]),
    )
    return Merged(
        pushed,
        review,
        _list_decided(objects, deleted, decided, new, found),
        _conflicts(objects, new, found),
    )


def _check_size(known: ImageInfo, given: ImageInfo) -> None:
    for axis in ("width", "height"):
        ours, theirs = getattr(known, axis), getattr(given, axis)
        if ours and theirs and ours != theirs:
            raise BadInputError(
                given.name or "new segmentation",
                f"its image is {given.width} x {given.height} px, that of the reviewed objects "
                f"{known.width} x {known.height} px",
                "give a segmentation of the same image",
            )


def _end_conflicts(left: gpd.GeoDataFrame, review: Changes) -> None:
    """Clear the class before the conflict of objects that the reviewer classified since."""
    if BEFORE_CONFLICT in left.columns:
        rows = np.flatnonzero(left.index.isin(review.of("reclassified")))
        set_values(left, BEFORE_CONFLICT, rows, pd.Series([None] * len(rows), dtype=object))


def _all_decided(before: Decided, now: Decided, ids: pd.Index) -> dict[str, frozenset[str]]:
    nothing: frozenset[str] = frozenset()
    touched = [i for i in ids if i in before or i in now]
    return {i: before.get(i, nothing) | now.get(i, nothing) for i in touched}


def _deleted(base: Pushed, review: Changes, overlap: float) -> Detections:
    """Collect the places that stay empty: deleted earlier or now, or moved away from now."""
    before, left = base.detections.objects, review.applied.objects
    earlier = base.deleted.objects
    earlier = earlier[~earlier.index.isin(left.index)]
    now = before.loc[review.of("deleted"), _PLACE]
    now = now[~now.index.isin(earlier.index)]

    edits = review.edits
    shifted = edits["field"].isin(("geometry", "object_type", *"zt"))
    ids = pd.Index(edits.loc[shifted, "id"].unique(), dtype=object)
    ids = ids[ids.isin(before.index) & ids.isin(left.index)]
    pairs = find_overlaps(before.loc[ids], left.loc[ids], overlap)
    still = pairs.first[pairs.first == pairs.second]
    ids = ids.delete(still)
    away = before.loc[ids, _PLACE].assign(**{MOVED: ids.to_numpy(object)})
    away.index = pd.Index(new_ids(len(away)), dtype=object)

    earlier = earlier[[name for name in (*_PLACE, MOVED) if name in earlier.columns]]
    tables = [earlier, now, away]
    return Detections(concat_tables([gpd.GeoDataFrame(table) for table in tables]))


def _reviewed_objects(
    left: gpd.GeoDataFrame, deleted: Detections, decided: Decided, new: Detections
) -> ReviewedObjects:
    places = concat_tables([left[_PLACE], deleted.objects[_PLACE]])
    policy = np.full(len(places), MergePolicy.REPLACE, np.int64)
    policy[np.flatnonzero(left.index.isin(list(decided)))] = MergePolicy.UPDATE
    drawn = [identity for identity, names in decided.items() if names & _AS_DRAWN]
    policy[np.flatnonzero(left["locked"].to_numpy() | left.index.isin(drawn))] = MergePolicy.KEEP
    policy[len(left) :] = MergePolicy.BLOCK
    compared = np.array([0, *family(new.objects)])
    policy[: len(left)][~np.isin(family(left), compared[compared >= 0])] = MergePolicy.IGNORE
    classes = left["class"].to_numpy(object).copy()
    if BEFORE_CONFLICT in left.columns:
        known = left[BEFORE_CONFLICT].notna().to_numpy()
        classes[known] = left[BEFORE_CONFLICT].to_numpy(object)[known]
    nothing = np.full(len(deleted), None, object)
    return ReviewedObjects(places, policy, np.concatenate([classes, nothing]))


def _result_ids(objects: ReviewedObjects, new: Detections, found: Match) -> list[str]:
    """Return each new object's UUID in the result: of its match, its own, or a new one."""
    ids = new.ids
    standing_ids = set(objects.places.index)
    for k in np.flatnonzero(found.added).tolist():
        if ids[k] in standing_ids:  # an older segmentation is pushed again
            ids[k] = new_ids(1)[0]
    for row in np.flatnonzero(found.found >= 0).tolist():
        ids[found.found[row]] = str(objects.places.index[row])
    return ids


def _assembled(
    left: gpd.GeoDataFrame, new: gpd.GeoDataFrame, found: Match, decided: Decided, ids: list[str]
) -> gpd.GeoDataFrame:
    """Assemble the result, in the order of the new segmentation; unmatched objects come last."""
    live, stays = found.found[: len(left)], found.stays[: len(left)]
    replaced = np.flatnonzero((live >= 0) & ~stays)
    from_new = np.sort(np.concatenate([live[replaced], np.flatnonzero(found.added)]))
    taken = new.iloc[from_new].set_axis(pd.Index([ids[k] for k in from_new], dtype=object))
    _keep_decisions(taken, left, decided)
    as_they_are = left[stays]
    frame = concat_tables([taken, as_they_are])

    at = live[stays]
    at = np.where(at >= 0, at, len(new) + np.flatnonzero(stays))
    apart = family(as_they_are) < 0
    # Reviewed objects keep their label if they can. Annotations are numbered last, because they
    # must not change the numbers of nuclei.
    n = len(taken)
    first = np.concatenate([n + np.flatnonzero(~apart), np.arange(n)]).astype(np.intp)
    everything = np.concatenate([first, n + np.flatnonzero(apart)]).astype(np.intp)
    labels, z, t = (frame[name].to_numpy().copy() for name in ("label", "z", "t"))
    for rows in (first, everything):
        labels[rows] = number_labels(labels[rows].tolist(), z[rows].tolist(), t[rows].tolist())
    frame["label"] = labels
    return frame.iloc[np.argsort(np.concatenate([from_new, at]), kind="stable")]


def _keep_decisions(taken: gpd.GeoDataFrame, left: gpd.GeoDataFrame, decided: Decided) -> None:
    of_field: dict[str, list[str]] = {}
    for identity in taken.index[taken.index.isin(list(decided))]:
        for name in decided[identity]:
            of_field.setdefault(name, []).append(identity)
    for name, concerned in sorted(of_field.items()):
        rows = taken.index.get_indexer(pd.Index(concerned))
        for column in ("class", "class_color") if name == "class" else (name,):
            if column in left.columns:
                set_values(taken, column, rows, left.loc[concerned, column])


def _put_in_class(
    frame: gpd.GeoDataFrame, concerned: set[str], conflict_class: str, decided: Decided
) -> dict[str, frozenset[str]]:
    """Put objects into the class of conflicts, and return the decisions with these added."""
    here = frame.index.isin(concerned)
    rows = np.flatnonzero(here & (frame["class"] != conflict_class).to_numpy())
    words: Any = pd.Series([conflict_class] * len(rows), dtype=object)
    set_values(frame, BEFORE_CONFLICT, rows, frame["class"].iloc[rows])
    set_values(frame, "class", rows, words)
    set_values(frame, "class_color", rows, pd.Series([None] * len(rows), dtype=object))
    flags = {str(i): frozenset({"class", BEFORE_CONFLICT}) for i in frame.index[here]}
    return _all_decided(decided, flags, frame.index)


def _without_empty(frame: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Drop columns of an earlier segmentation that are empty now."""
    extra = [name for name in frame.columns if name not in FIELDS and name not in new.columns]
    return frame.drop(columns=[name for name in extra if frame[name].isna().all()])


def _list_decided(
    objects: ReviewedObjects, deleted: Detections, decided: Decided, new: Detections, found: Match
) -> pd.DataFrame:
    records = []
    ids = objects.places.index
    moved = deleted.objects.get(MOVED)
    there = len(ids) - len(deleted)
    for row in np.flatnonzero(objects.policy != MergePolicy.REPLACE).tolist():
        identity, why = str(ids[row]), "deleted"
        if row >= there:
            what = "stays deleted"
            if moved is not None and moved.iloc[row - there] is not None:
                identity, why = str(moved.iloc[row - there]), "moved away"
        elif identity in decided or objects.policy[row] == MergePolicy.KEEP:
            what = "kept" if found.stays[row] else "new outline"
            why = ", ".join(sorted(decided.get(identity, {"locked"})))
        else:
            continue
        records.append((identity, what, why, _new_id(new, int(found.found[row]))))
    return pd.DataFrame(records, columns=["id", "what", "why", "new_id"], dtype=object)


def _conflicts(objects: ReviewedObjects, new: Detections, found: Match) -> pd.DataFrame:
    records = [
        (str(objects.places.index[c.row]), c.what, c.why, _new_id(new, c.new))
        for c in found.conflicts
    ]
    return pd.DataFrame(records, columns=["id", "what", "why", "new_id"], dtype=object)


def _new_id(new: Detections, position: int) -> str | None:
    return str(new.objects.index[position]) if position >= 0 else None
