"""Merge a reviewer's decisions with a new segmentation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from bridge.detections import FIELDS, GEOMETRIES, Detections, new_ids, number_labels
from bridge.errors import BadInputError
from bridge.images.info import ImageInfo
from bridge.review.changes import CARRIED, Changes, compare
from bridge.review.conflicts import Listed, list_conflicts
from bridge.review.matching import Match, MergePolicy, Place, ReviewedObjects, match_objects
from bridge.review.overlaps import find_overlaps
from bridge.review.pushed import ADDED, Pushed, find_annotations
from bridge.review.rows import concat_tables, set_values
from bridge.review.scope import Scope

MOVED = "moved"
"""Metadata column of a deleted outline: UUID of the object that was moved away from it."""

_PLACE = ["object_type", "c", "z", "t", "geometry"]
AS_DRAWN = frozenset({ADDED, *GEOMETRIES, "object_type", "c", "z", "t"})
"""An object stays as it is where the reviewer decided one of these fields."""

Decided = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Merged:
    """Result of :func:`merge`.

    Attributes:
        pushed: the objects with the decisions of all reviews: what to store, and the ``base`` of
            the next :func:`merge`.
        review: the reviewer's edits since the last push.
        kept: UUIDs of the objects that stay exactly as the reviewer left them: an application has
            them already, and nothing of them is written again.
        changes: a row for every object that a reviewer ever decided on: ``id``, ``what``
            (``kept``, ``new outline``, ``stays deleted``), ``why`` (the decided columns, or
            ``locked``, ``added``, ``deleted``, ``moved away``), and ``new_id``, the UUID of the
            new segmentation's object in this place, if any.

    >>> objects = Detections.from_labels(np.eye(2, dtype=int))
    >>> merged = merge(objects, reviewed=objects, new=objects)
    >>> len(merged.detections), len(merged.changes), len(merged.conflicts)
    (1, 0, 0)
    """

    pushed: Pushed
    review: Changes
    kept: frozenset[str]
    changes: pd.DataFrame

    @property
    def detections(self) -> Detections:
        """The merged objects, in their own classes."""
        return self.pushed.detections

    @property
    def conflicts(self) -> pd.DataFrame:
        """Objects on which reviewer and new segmentation disagree, for the user to check.

        Columns: ``id``, ``what`` (``not found``, ``split``, ``joined``, ``in the way``), ``why``,
        ``new_id``. A conflict leaves the list when the segmentation finds the object again, and
        when the reviewer settles it: by any edit of the object, or by taking its mark away.
        """
        return self.pushed.conflicts


def merge(
    base: Pushed | Detections,
    reviewed: Detections,
    new: Detections,
    *,
    scope: Scope | None = None,
    regions: Collection[str] | None = None,
    keep_untouched: bool = False,
    fields: Collection[str] = CARRIED,
    overlap: float = 0.5,
    conflict_class: str | None = None,
    time: str | None = None,
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
    out of ``scope``        stays exactly as it is; what the new segmentation finds there is set
                            aside, but for objects of another layer, which are not compared
    region                  stays as it is, and new ones are added
    tile                    is compared with tiles only, and stays if the segmentation has none
    ======================= =====================================================================

    Two objects overlap if they share the part ``overlap`` of the smaller of the two
    (:func:`bridge.review.overlaps.find_overlaps`); an annotation that a reviewer drew may be a
    region, so that the larger one has to be covered as much. Of the overlapping pairs, those with
    the best intersection over union are matched, one to one. A new object without a match is added.

    A new object that overlaps an edited object and another one is set aside, because it cannot
    replace both. Whatever a new object that is set aside overlaps stays as the reviewer left it;
    these are conflicts, too.

    Merging the same segmentation again, with ``base=merged.pushed`` and nothing reviewed since,
    changes nothing.

    Args:
        base: what was pushed; detections for a first push, before which there are no reviews.
        reviewed: what came back.
        new: the new segmentation of the same image; what lies out of ``scope`` is left out.
        scope: the objects that may be replaced or removed; all without a layer when ``None``.
        regions: UUIDs of the new annotations that are regions around nuclei, and not nuclei
            themselves; all of them when ``None``.
        keep_untouched: objects that nobody edited and that are not found again stay.
        fields: what the way back can carry, as in :func:`compare`.
        overlap: above 0, at most 1.
        conflict_class: mark objects in conflict for the reviewer by this class: an object of the
            class ``Neuron`` is shown as ``Neuron: CONFLICT_CLASS``, one without a class as
            ``CONFLICT_CLASS`` (:attr:`bridge.review.Pushed.shown`).
        time: time of this push, for the history.

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
    scope = scope or Scope()
    base = Pushed.of(base)
    _check_size(base.detections.image, new.image)
    given_regions = find_annotations(new.objects) if regions is None else regions
    if scope.is_partial:
        new = replace(new, objects=new.objects[scope.covers(new.objects)])
    review = compare(base, reviewed, fields=fields)
    left = review.applied.objects
    decided = _all_decided(base.decided, review.decided, left.index)
    deleted, layers = _deleted(base, review, overlap)
    new_regions = new.objects.index.isin(list(given_regions))
    base_here = replace(base, layers=layers)
    objects = _reviewed_objects(left, deleted, decided, base_here, new, new_regions, scope)
    found = match_objects(
        objects, new.objects, new_regions, base, overlap, keep_untouched=keep_untouched
    )

    ids = _result_ids(objects, new, found)
    in_place = scope.is_partial or bool(layers or scope.layer)
    place = objects.place[: len(left)]
    frame = _assembled(left, new.objects, found, decided, ids, place, in_place=in_place)
    frame = _without_empty(frame, new.objects)
    image = base.detections.image if new.image == ImageInfo() else new.image
    detections = Detections(frame, image, new.outline)

    names, new_names = objects.places.index.tolist(), new.ids
    found_as = dict(base.found_as)
    for row in np.flatnonzero(found.found >= 0).tolist():
        found_as[names[row]] = new_names[found.found[row]]
    found_as |= {ids[k]: new_names[k] for k in np.flatnonzero(found.added).tolist()}
    known = {*detections.ids, *deleted.ids}
    arrived = [ids[k] for k in np.flatnonzero(found.added).tolist()]
    known_regions = base.regions | {
        ids[k] for k in np.flatnonzero(found.added & new_regions).tolist()
    }
    if scope.layer:
        layers |= dict.fromkeys(arrived, scope.layer)
    set_aside = frozenset(new.objects.index[found.set_aside])
    pushed = Pushed(
        detections,
        {i: names for i, names in _with_deleted(decided, base, deleted).items() if i in known},
        deleted,
        {ours: theirs for ours, theirs in found_as.items() if ours in known and ours != theirs},
        # The segmentation of another part of the image is told from a new one by what it set aside.
        set_aside | base.set_aside if scope.is_partial or scope.layer else set_aside,
        regions=known_regions & known,
        layers={i: layer for i, layer in layers.items() if i in known},
        # What lay there before the first push is not an edit of one.
        history=review.all_edits if base.times else base.history,
        times=(*base.times, time or ""),
    )
    if base.times and not len(review) and _are_same(detections, base.detections):
        pushed = replace(pushed, times=base.times)  # the same push again
    listed = Listed(objects, new.objects, ids, found)
    pushed = list_conflicts(base, review, pushed, listed, conflict_class)
    kept = frozenset(left.index[found.stays[: len(left)]])
    return Merged(pushed, review, kept, _list_decided(objects, deleted, decided, new, found))


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


def _all_decided(before: Decided, now: Decided, ids: pd.Index) -> dict[str, frozenset[str]]:
    nothing: frozenset[str] = frozenset()
    touched = [i for i in ids if i in before or i in now]
    return {i: before.get(i, nothing) | now.get(i, nothing) for i in touched}


def _with_deleted(decided: Decided, base: Pushed, deleted: Detections) -> Decided:
    """Add which of the deleted objects a reviewer had drawn."""
    drawn = [i for i in deleted.ids if ADDED in base.decided.get(i, ())]
    return {**decided, **dict.fromkeys(drawn, frozenset({ADDED}))}


def _deleted(base: Pushed, review: Changes, overlap: float) -> tuple[Detections, dict[str, str]]:
    """Collect the places that stay empty: deleted earlier or now, or moved away from now.

    Returns:
        The places, and the layers of all objects with these.
    """
    before, left = base.detections.objects, review.applied.objects
    earlier = base.deleted.objects
    earlier = earlier[~earlier.index.isin(left.index)]
    now = before.loc[review.of("deleted"), _PLACE]
    now = now[~now.index.isin(earlier.index)]

    edits = review.edits
    shifted = edits["field"].isin(("geometry", "object_type", *"zt"))
    ids = pd.Index(edits.loc[shifted, "id"].unique(), dtype=object)
    ids = ids[ids.isin(before.index) & ids.isin(left.index)]
    # What lies where a region was moved away from is not that region.
    ids = ids[[identity not in base.regions and not _is_drawn(base, identity) for identity in ids]]
    pairs = find_overlaps(before.loc[ids], left.loc[ids], overlap)
    still = pairs.first[pairs.first == pairs.second]
    ids = ids.delete(still)
    away = before.loc[ids, _PLACE].assign(**{MOVED: ids.to_numpy(object)})
    away.index = pd.Index(new_ids(len(away)), dtype=object)
    layers = dict(base.layers)
    layers |= {
        new: layers[old] for new, old in zip(away.index, away[MOVED], strict=True) if old in layers
    }

    earlier = earlier[[name for name in (*_PLACE, MOVED) if name in earlier.columns]]
    tables = [earlier, now, away]
    return Detections(concat_tables([gpd.GeoDataFrame(table) for table in tables])), layers


def _is_drawn(base: Pushed, identity: str) -> bool:
    """Return True for an annotation that a reviewer drew."""
    is_annotation = base.detections.objects.at[identity, "object_type"] == "annotation"
    return is_annotation and ADDED in base.decided.get(identity, ())


def _reviewed_objects(
    left: gpd.GeoDataFrame,
    deleted: Detections,
    decided: Decided,
    base: Pushed,
    new: Detections,
    new_regions: NDArray[np.bool_],
    scope: Scope,
) -> ReviewedObjects:
    places = concat_tables([left[_PLACE], deleted.objects[_PLACE]])
    policy = np.full(len(places), MergePolicy.REPLACE, np.int64)
    policy[np.flatnonzero(left.index.isin(list(decided)))] = MergePolicy.UPDATE
    drawn = [identity for identity, names in decided.items() if names & AS_DRAWN]
    policy[np.flatnonzero(left["locked"].to_numpy() | left.index.isin(drawn))] = MergePolicy.KEEP
    untouched = np.flatnonzero(policy[: len(left)] != MergePolicy.KEEP)
    outside = ~scope.covers(left.iloc[untouched])
    policy[untouched[outside]] = MergePolicy.OUTSIDE
    policy[len(left) :] = MergePolicy.BLOCK

    place = _places(places, decided, base, scope)
    ignored = (place == Place.REGION) | (place == Place.ELSEWHERE)
    is_tile = (places["object_type"] == "tile").to_numpy()
    if not (new.objects["object_type"] == "tile").any():
        ignored |= is_tile
    # Regions and tiles alone say nothing of nuclei.
    if len(new) and (new_regions | (new.objects["object_type"] == "tile").to_numpy()).all():
        ignored |= ~is_tile
    policy[: len(left)][ignored[: len(left)]] = MergePolicy.IGNORE
    classes = np.concatenate([left["class"].to_numpy(object), np.full(len(deleted), None, object)])
    return ReviewedObjects(places, policy, place, classes)


def _places(
    places: gpd.GeoDataFrame, decided: Decided, base: Pushed, scope: Scope
) -> NDArray[np.int64]:
    """Return what each object's outline says of those that it lies over."""
    place = np.full(len(places), Place.NUCLEUS, np.int64)
    added = places.index.isin(
        [i for names in (base.decided, decided) for i, fields in names.items() if ADDED in fields]
    )
    # With several layers, nobody knows which one an object is in that was drawn by hand.
    has_layers = bool(scope.layer or base.layers)
    place[added & (has_layers | (places["object_type"] == "annotation").to_numpy())] = Place.DRAWN
    place[places.index.isin(list(base.regions))] = Place.REGION
    layers = np.array([base.layers.get(identity, "") for identity in places.index], object)
    place[~added & (layers != scope.layer)] = Place.ELSEWHERE
    return place


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
    left: gpd.GeoDataFrame,
    new: gpd.GeoDataFrame,
    found: Match,
    decided: Decided,
    ids: list[str],
    place: NDArray[np.int64],
    *,
    in_place: bool,
) -> gpd.GeoDataFrame:
    """Assemble the result, in the order of the new segmentation; unmatched objects come last.

    With ``in_place``, the objects that were there keep their order, and new ones come last.
    """
    live, stays = found.found[: len(left)], found.stays[: len(left)]
    replaced = np.flatnonzero((live >= 0) & ~stays)
    from_new = np.sort(np.concatenate([live[replaced], np.flatnonzero(found.added)]))
    taken = new.iloc[from_new].set_axis(pd.Index([ids[k] for k in from_new], dtype=object))
    _keep_decisions(taken, left, decided)
    as_they_are = left[stays]
    frame = concat_tables([taken, as_they_are])

    at = live[stays]
    at = np.where(at >= 0, at, len(new) + np.flatnonzero(stays))
    is_annotation = (as_they_are["object_type"] == "annotation").to_numpy()
    apart = is_annotation & (place[stays] != Place.NUCLEUS)
    # Reviewed objects keep their label if they can. Regions are numbered last, because they must
    # not change the numbers of nuclei.
    n = len(taken)
    first = np.concatenate([n + np.flatnonzero(~apart), np.arange(n)]).astype(np.intp)
    everything = np.concatenate([first, n + np.flatnonzero(apart)]).astype(np.intp)
    labels, z, t = (frame[name].to_numpy().copy() for name in ("label", "z", "t"))
    for rows in (first, everything):
        labels[rows] = number_labels(labels[rows].tolist(), z[rows].tolist(), t[rows].tolist())
    frame["label"] = labels
    order = np.concatenate([from_new, at])
    if in_place:
        before = left.index.get_indexer(frame.index)
        order = np.where(before >= 0, before, len(left) + order)
    return frame.iloc[np.argsort(order, kind="stable")]


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


def _without_empty(frame: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Drop columns of an earlier segmentation that are empty now."""
    extra = [name for name in frame.columns if name not in FIELDS and name not in new.columns]
    return frame.drop(columns=[name for name in extra if frame[name].isna().all()])


def _are_same(ours: Detections, theirs: Detections) -> bool:
    """Return True for the same objects with the same values in the same order."""
    a, b = (detections.objects for detections in (ours, theirs))
    if ours.ids != theirs.ids or [*a.columns] != [*b.columns]:
        return False
    outlines = [name for name in a.columns if name in GEOMETRIES]
    return a.drop(columns=outlines).equals(b.drop(columns=outlines)) and all(
        shapely.equals_exact(a[name].to_numpy(), b[name].to_numpy(), 0).all() for name in outlines
    )


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


def _new_id(new: Detections, position: int) -> str | None:
    return str(new.objects.index[position]) if position >= 0 else None
