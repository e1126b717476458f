"""Compare reviewed objects with what was pushed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from bridge.colors import class_color
from bridge.detections import FIELDS, GEOMETRIES, Detections, number_labels
from bridge.errors import BadInputError
from bridge.review.pushed import (
    ADDED,
    CONFLICT_COLUMNS,
    EDIT_COLUMNS,
    HISTORY_COLUMNS,
    Pushed,
    empty_table,
    unmarked,
)
from bridge.review.rows import concat_tables, is_number, numbers, set_values, texts
from bridge.review.same_outline import same_outline

CARRIED = (
    "geometry",
    "nucleus",
    "class",
    "class_color",
    "name",
    "color",
    "locked",
    "object_type",
    "c",
    "z",
    "t",
    "measurements",
    "metadata",
)
"""Fields that are compared; ``label`` and ``prob`` belong to the segmentation."""

KINDS = (
    "added",
    "deleted",
    "reshaped",
    "reclassified",
    "renamed",
    "recoloured",
    "locked",
    "unlocked",
    "retyped",
    "moved",
    "measured",
    "annotated",
)
"""Kinds of edits, in the order of reports: ``moved`` is to another channel, slice
or time point, ``measured`` an edited measurement, ``annotated`` edited metadata."""

_SMALLEST = 1e-30


@dataclass(frozen=True)
class Changes:
    """Edits of a reviewer.

    Attributes:
        base: what was pushed.
        reviewed: what came back, without the marks of conflicts.
        edits: a row an edit, in the order of :data:`KINDS`: ``id``, ``what`` (one of
            :data:`KINDS`), ``field`` (the column it was made in), ``before`` and ``after`` as
            texts, ``None`` for no value.
        computed: measurements that the application made for every pushed object, such as
            QuPath's shape features; not edits.
        cleared: UUIDs of objects in conflict that the reviewer took the mark away from.
        conflicts: those of the last push that the reviewer has not settled since.
        history: the edits of earlier reviews, as in :class:`bridge.review.Pushed`.
        push: number and time of the push that these edits were made on.
        decided_before: columns that reviewers had decided by UUID when that push was made, as in
            :class:`bridge.review.Pushed`.

    >>> objects = Detections.from_labels(np.eye(2, dtype=int))
    >>> list(compare(objects, objects).table().columns)
    ['id', 'label', 'what', 'before', 'after', 'x', 'y', 'c', 'z', 't']
    """

    base: Detections
    reviewed: Detections
    edits: pd.DataFrame
    computed: tuple[str, ...] = ()
    cleared: frozenset[str] = frozenset()
    conflicts: pd.DataFrame = field(default_factory=lambda: empty_table(CONFLICT_COLUMNS))
    history: pd.DataFrame = field(default_factory=lambda: empty_table(HISTORY_COLUMNS))
    push: tuple[int, str] = (1, "")
    decided_before: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.edits)

    def of(self, what: str) -> list[str]:
        """Return the UUIDs of the objects with one of the :data:`KINDS` of edits."""
        return list(dict.fromkeys(self.edits.loc[self.edits["what"] == what, "id"]))

    def counts(self) -> dict[str, int]:
        """Count the objects by kind of edit, and the ``untouched`` ones at the end.

        An object that was both renamed and locked counts in both.
        """
        done = self.edits.groupby("what")["id"].nunique()
        return {kind: int(done.get(kind, 0)) for kind in KINDS} | {"untouched": len(self.untouched)}

    @cached_property
    def untouched(self) -> frozenset[str]:
        """UUIDs of the pushed objects that came back as they were."""
        return frozenset(self.base.ids) - set(self.edits["id"])

    @cached_property
    def decided(self) -> dict[str, frozenset[str]]:
        """Columns that the reviewer edited by UUID; ``added`` for a new object."""
        left = self.edits[self.edits["what"] != "deleted"]
        fields: dict[str, set[str]] = {}
        for identity, name in zip(left["id"], left["field"], strict=True):
            fields.setdefault(identity, set()).add(name)
        return {identity: frozenset(names) for identity, names in fields.items()}

    def table(self) -> pd.DataFrame:
        """Return the edits since the last push as a table, a row an edit.

        Columns: id, label, what, before, after, x and y (centroid, corner-origin pixels) and
        c, z, t (from 0) of the object as the reviewer left it, of a deleted one as it was.
        """
        before, after = self.base.objects, self.reviewed.objects
        gone = before.loc[before.index.difference(after.index, sort=False)]
        objects = concat_tables([after, gone]).loc[self.edits["id"]]
        known = before["label"].reindex(self.edits["id"]).to_numpy()
        centroid = shapely.centroid(objects.geometry.to_numpy())
        table = self.edits.assign(
            label=np.where(np.isnan(known), objects["label"], known).astype(np.int64),
            x=shapely.get_x(centroid).round(2),
            y=shapely.get_y(centroid).round(2),
            **{axis: objects[axis].to_numpy() for axis in "czt"},
        )
        return table[[*EDIT_COLUMNS]].reset_index(drop=True)

    @cached_property
    def all_edits(self) -> pd.DataFrame:
        """All edits since the first push, for ``changes.csv``: the history, then :meth:`table`.

        Columns: ``push`` (number of the push that was edited), ``pushed`` (its time), then those
        of :meth:`table`.
        """
        now = self.table()
        now.insert(0, "pushed", self.push[1])
        now.insert(0, "push", self.push[0])
        tables = [table.astype(object) for table in (self.history, now) if len(table)]
        if not tables:
            return empty_table(HISTORY_COLUMNS)
        return pd.concat(tables, ignore_index=True)[[*HISTORY_COLUMNS]]

    def all_counts(self) -> dict[str, int]:
        """Count the objects by kind of edit since the first push."""
        done = self.all_edits.groupby("what")["id"].nunique()
        return {kind: int(done.get(kind, 0)) for kind in KINDS}

    @cached_property
    def applied(self) -> Detections:
        """The pushed objects with the reviewer's edits, without side effects of the formats.

        Rounded coordinates, lost columns and new labels of ``reviewed`` are left out: an object
        that was not edited is as it was pushed. Objects that the reviewer added come last and keep
        their label where it is free.
        """
        before, after = self.base.objects, self.reviewed.objects
        kept = before[before.index.isin(after.index)].copy()
        added = after.loc[self.of("added")]
        edits = self.edits[~self.edits["what"].isin(("added", "deleted"))]
        for name, of_field in edits.groupby("field", sort=False):
            ids = pd.Index(of_field["id"].unique(), dtype=object)
            columns = ("class", "class_color") if name == "class" else (str(name),)
            for column in columns:
                set_values(kept, column, kept.index.get_indexer(ids), after.loc[ids, column])
        frame = concat_tables([kept, added])
        frame["label"] = number_labels(
            frame["label"].tolist(), frame["z"].tolist(), frame["t"].tolist()
        )
        return Detections(frame, self.base.image, self.base.outline)


def compare(
    base: Pushed | Detections, reviewed: Detections, *, fields: Collection[str] = CARRIED
) -> Changes:
    """List the edits of a reviewer to the objects that were pushed.

    Objects are matched by their UUID. Side effects of formats are not edits: coordinates rounded
    by less than 0.01 px or to 32 bits, another start vertex or direction of an outline,
    measurements rounded to 32 bits, colours in capitals, a class colour that is filled in, an empty
    text for a missing one, other labels, columns that ``reviewed`` lacks.

    A measurement that ``base`` lacks is an edit of the objects that have it, unless all pushed
    objects that are left (two at least) have it: then the application computed it.

    Args:
        base: what was pushed.
        reviewed: what came back.
        fields: fields to compare, of :data:`CARRIED`.

    Raises:
        BadInputError: an unknown field.

    >>> objects = Detections.from_labels(np.eye(2, dtype=int))
    >>> left = Detections(objects.objects.assign(name="mitosis"))
    >>> compare(objects, left).counts()["renamed"]
    1
    """
    unknown = set(fields) - set(CARRIED)
    if unknown:
        raise BadInputError(
            "fields",
            f"{sorted(unknown)[0]!r} is not a field of objects",
            f"use some of {', '.join(CARRIED)}",
        )
    pushed = Pushed.of(base)
    reviewed, cleared = unmarked(reviewed, pushed)
    before, after = pushed.detections.objects, reviewed.objects
    common = before.index[before.index.isin(after.index)]
    found = _Edits()
    added = after[~after.index.isin(before.index)]
    deleted = before[~before.index.isin(after.index)]
    found.note(added.index, "added", ADDED, None, _area(added, "geometry"))
    found.note(deleted.index, "deleted", "geometry", _area(deleted, "geometry"), None)
    before, after = before.loc[common], after.loc[common]
    for name in fields:
        if name in GEOMETRIES and name in after.columns:
            _compare_outlines(found, name, before, after)
        elif name in FIELDS:
            _compare_field(found, name, before, after)
    computed = _compare_extra(found, before, after, set(fields))
    edits = found.table()
    settled = {*edits["id"], *cleared}
    return Changes(
        pushed.detections,
        reviewed,
        edits,
        computed,
        cleared,
        pushed.conflicts[~pushed.conflicts["id"].isin(list(settled))],
        pushed.history,
        (max(len(pushed.times), 1), pushed.times[-1] if pushed.times else ""),
        pushed.decided,
    )


class _Edits:
    """Edits, collected field by field."""

    def __init__(self) -> None:
        self._parts: list[pd.DataFrame] = []

    def note(self, ids: Any, what: str, name: str, before: Any, after: Any) -> None:
        if len(ids):
            columns = {"id": ids, "what": what, "field": name, "before": before, "after": after}
            self._parts.append(pd.DataFrame(columns, dtype=object))

    def table(self) -> pd.DataFrame:
        if not self._parts:
            return pd.DataFrame(columns=["id", "what", "field", "before", "after"], dtype=object)
        table = pd.concat(self._parts, ignore_index=True)
        order = table["what"].map({kind: place for place, kind in enumerate(KINDS)})
        return table.iloc[np.argsort(order.to_numpy(), kind="stable")].reset_index(drop=True)


def _area(frame: gpd.GeoDataFrame, column: str) -> list[str | None]:
    outlines = frame[column].to_numpy()
    return [
        None if outline is None else f"{area:.1f} px²"
        for outline, area in zip(outlines, shapely.area(outlines), strict=True)
    ]


def _compare_outlines(
    found: _Edits, name: str, before: gpd.GeoDataFrame, after: gpd.GeoDataFrame
) -> None:
    theirs = after[name].to_numpy(object)
    if name in before.columns:
        ours = before[name].to_numpy(object)
    else:
        ours = np.full(len(before), None, object)
    rows = np.flatnonzero(~same_outline(ours, theirs))
    if len(rows):
        missing: Any = [None] * len(rows)
        old = _area(before.iloc[rows], name) if name in before.columns else missing
        found.note(before.index[rows], "reshaped", name, old, _area(after.iloc[rows], name))


def _compare_field(
    found: _Edits, name: str, before: gpd.GeoDataFrame, after: gpd.GeoDataFrame
) -> None:
    is_text = name in ("class", "class_color", "name", "color")
    old, new = (_words(f[name]) if is_text else f[name].to_numpy() for f in (before, after))
    if name in ("color", "class_color"):
        old, new = _lower(old), _lower(new)
    counts = np.ones(len(old), bool)
    if name == "class_color":
        # A new class brings its own colour, and formats fill in the colour that an application
        # shows for a class without one: neither is an edit.
        classes = _words(before["class"])
        counts = (classes == _words(after["class"])) & (classes != None)  # noqa: E711
        for row in np.flatnonzero(counts & (old == None)):  # noqa: E711
            old[row] = class_color(classes[row])
        counts &= new != None  # noqa: E711
    rows = np.flatnonzero(counts & (old != new))
    ids, old, new = before.index[rows], old[rows], new[rows]
    if name == "locked":
        found.note(ids[new], "locked", name, None, None)
        found.note(ids[~new], "unlocked", name, None, None)
    elif name in ("c", "z", "t"):
        found.note(ids, "moved", name, _written(name, old), _written(name, new))
    else:
        found.note(ids, _EDITS[name], name, old, new)


_EDITS = {
    "class": "reclassified",
    "class_color": "recoloured",
    "name": "renamed",
    "color": "recoloured",
    "object_type": "retyped",
}


def _compare_extra(
    found: _Edits, before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, fields: set[str]
) -> tuple[str, ...]:
    """Compare measurements and metadata; return the names that the application computed."""
    computed = []
    for name in after.columns:
        if name in FIELDS or name in GEOMETRIES:
            continue
        numeric = is_number(after[name])
        old = before[name] if name in before.columns else None
        as_numbers = numeric and (old is None or is_number(old))
        if ("measurements" if as_numbers else "metadata") not in fields:
            continue
        if as_numbers:
            new_values = numbers(after[name]).astype(np.float64)
            missing = np.isnan(new_values)
            if old is None and len(after) > 1 and not missing.any():
                computed.append(str(name))
                continue
            old_values = (
                np.full(len(after), np.nan) if old is None else numbers(old).astype(np.float64)
            )
            same = np.isclose(old_values, new_values, rtol=1e-6, atol=_SMALLEST, equal_nan=True)
            what = "measured"
            sides: tuple[NDArray[Any], NDArray[Any]] = (old_values, new_values)
        else:
            old_words = np.full(len(after), None, object) if old is None else _words(old)
            new_words = _words(after[name])
            same = np.asarray(old_words == new_words, bool)
            what, sides = "annotated", (old_words, new_words)
        rows = np.flatnonzero(~same)
        found.note(before.index[rows], what, str(name), *(_written(name, s[rows]) for s in sides))
    return tuple(computed)


def _written(name: str, values: NDArray[Any]) -> list[str | None]:
    return [None if v is None or v != v else f"{name} = {v}" for v in values]


def _words(column: pd.Series[Any]) -> NDArray[np.object_]:
    """Return texts for comparison, ``None`` for an empty one."""
    words = texts(column)
    words[:] = [None if word is None or str(word) == "" else str(word) for word in words]
    return words


def _lower(words: NDArray[np.object_]) -> NDArray[np.object_]:
    lower = np.empty(len(words), object)
    lower[:] = [None if word is None else word.lower() for word in words]
    return lower
