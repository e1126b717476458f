"""Whatever is pushed and edited, no edit is lost, nothing of a reviewer's is written again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import Detections
from bridge.apps.qupath.push_plan import MergeSettings, PushPlan, plan_push
from bridge.apps.qupath.session import Objects
from bridge.detections import number_labels
from bridge.errors import BadInputError
from bridge.review import Pushed, compare, load_push_record, save_push_record
from bridge.review.rows import concat_tables
from tests.review.nuclei import disc, edited, row_of, with_more, without

REGION = shapely.box(0, 0, 30, 60)
"""The annotation of class B in which some pushes are made."""

Parents = dict[str, str | None]
"""UUID of the object that each object lies in."""

NUCLEI = st.lists(
    st.tuples(st.integers(0, 55), st.integers(0, 55), st.integers(3, 12), st.integers(0, 1)),
    max_size=6,
)
EDITS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("delete", "reshape", "move", "class", "name", "color", "lock", "unlock"),
                *(
                    "score",
                    "slice",
                    "split",
                    "merge",
                    "cell",
                    "convert",
                    "draw",
                    "region",
                    "unmark",
                ),
            ]
        ),
        st.integers(0, 20),
    ),
    max_size=5,
)
PUSHES = st.fixed_dictionaries(
    {
        "kind": st.sampled_from([None, None, "annotation", "cell"]),
        "inside": st.sampled_from([None, None, "B"]),
        "only_classes": st.sampled_from([None, None, frozenset({"x"})]),
        "layer": st.sampled_from(["", "", "", "spots"]),
        "keep_untouched": st.booleans(),
        "conflict_class": st.sampled_from([None, "?"]),
    }
)


def segmentation(nuclei: list[tuple[int, int, int, int]]) -> Detections:
    """Nuclei anywhere, also over each other, in two slices and two classes."""
    return Detections.from_polygons(
        [disc(x, y, radius) for x, y, radius, _ in nuclei],
        columns={
            "z": np.array([z for *_, z in nuclei], int),
            "class": [("x", None)[number % 2] for number in range(len(nuclei))],
            "Area": np.arange(len(nuclei), dtype=float),
        },
    )


def image_with_region() -> Detections:
    return Detections.from_polygons(
        [REGION], columns={"object_type": ["annotation"], "class": ["B"]}
    )


def edit(there: Detections, edits: list[tuple[str, int]]) -> Detections:
    """Do to an image's objects what a reviewer does."""
    left = there
    for number, (what, which) in enumerate(edits):
        rows = np.flatnonzero(left.objects["class"] != "B")
        row = int(rows[which % len(rows)]) if len(rows) else -1
        if what == "draw":
            left = with_more(left, disc(which * 3, 30, 5), **{"class": ["mine"]})
        elif what == "region":
            left = with_more(left, shapely.box(0, 0, 50, 50), object_type=["annotation"])
        elif row < 0 or what == "nest":
            continue
        elif what in ("delete", "split", "merge"):
            outline = left.objects.geometry.iloc[row]
            left = without(left, row)
            if what == "split":
                halves = [shapely.box(-99, -99, outline.centroid.x, 199)]
                halves = [outline.intersection(halves[0]), outline.difference(halves[0])]
                left = with_more(left, *halves)
            elif what == "merge":
                left = with_more(left, outline.buffer(3))
        else:
            values = {
                "reshape": {"geometry": left.objects.geometry.iloc[row].buffer(1)},
                "move": {
                    "geometry": shapely.transform(
                        left.objects.geometry.iloc[row], lambda xy: xy + 30
                    )
                },
                "class": {"class": f"class {number}", "class_color": None},
                "unmark": {"class": "x", "class_color": None},
                "name": {"name": f"name {number}"},
                "color": {"color": f"#0000{number:02x}"},
                "lock": {"locked": True},
                "unlock": {"locked": False},
                "score": {"Area": 100.0 + number},
                "slice": {
                    "label": int(left.objects["label"].max()) + 1,
                    "z": 1 - int(left.objects["z"].iloc[row]),
                },
                "cell": {"object_type": "cell"},
                "convert": {"object_type": "annotation"},
            }[what]
            left = edited(left, row, **values)
    return left


def nest(there: Detections, parents: Parents, edits: list[tuple[str, int]]) -> Parents:
    """Do what a reviewer does who puts objects into regions; others stay where they were."""
    frame = there.objects
    regions = list(frame.index[frame["object_type"] == "annotation"])
    nested = {i: p if p in frame.index else None for i, p in parents.items()}
    nested = {identity: nested.get(identity) for identity in there.ids}
    inside = list(frame.index[frame["object_type"] != "annotation"])
    for what, which in edits:
        if what == "nest" and regions and inside:
            nested[inside[which % len(inside)]] = regions[which % len(regions)]
    return nested


def apply(plan: PushPlan, there: Detections) -> Detections:
    """Do what QuPath does with a plan: remove, add, and change the class of some."""
    frame = there.objects.drop(index=plan.remove)
    frame = concat_tables([frame, plan.add.objects]) if len(plan.add) else frame
    for identity, name in plan.reclassify.items():
        frame.loc[identity, ["class", "class_color"]] = [name, None]
    # Objects without a label are numbered when they are read.
    columns = (frame[name].tolist() for name in ("label", "z", "t"))
    frame["label"] = number_labels(*columns)
    return Detections(frame, there.image)


def objects(there: Detections, parents: Parents | None = None) -> Objects:
    known = parents or {}
    return Objects(there, tuple(known.get(identity) for identity in there.ids), 0)


def assert_nesting_stays(plan: PushPlan, before: Parents, after: Detections) -> Parents:
    """What lay in an object that is still there lies in it."""
    written = dict(zip(plan.add.ids, plan.parents, strict=True))
    parents = {identity: written.get(identity, before.get(identity)) for identity in after.ids}
    for identity, parent in before.items():
        if parent is not None and identity in after.ids and parent in after.ids:
            assert parents[identity] == parent
    return parents


def value(frame: pd.DataFrame, identity: str, name: str) -> Any:
    found: Any = frame.loc[identity].get(name)
    if name == "geometry":
        return found.wkb
    return None if found is None or found != found else found


def assert_nothing_of_the_reviewer_is_lost(
    plan: PushPlan, before: Detections, after: Detections
) -> None:
    merged = plan.merged
    assert not merged.kept & {*plan.remove, *plan.add.ids}
    for identity in merged.kept:
        for name in before.objects.columns:
            if name not in ("class", "class_color") or identity not in plan.reclassify:
                old, new = (value(f.objects, identity, name) for f in (before, after))
                assert old == new, name
    own = merged.review.reviewed.objects
    for identity, fields in merged.pushed.decided.items():
        if identity in own.index:
            assert identity in merged.detections.objects.index
            for name in fields - {"added"}:
                ours, theirs = (value(f, identity, name) for f in (merged.detections.objects, own))
                assert ours == theirs, name
    gone = set(merged.review.of("deleted"))
    assert not gone & {*after.ids}


def assert_only_the_scope_is_touched(
    plan: PushPlan, before: Detections, options: dict[str, Any], base: Pushed | None
) -> None:
    frame = before.objects
    for identity in plan.remove:
        assert (base.layers.get(identity, "") if base else "") == options["layer"]
        if options["inside"] is not None:
            assert REGION.contains(frame.loc[identity, "geometry"].centroid)
        if options["only_classes"] is not None:
            own = plan.merged.review.reviewed.objects
            assert own.loc[identity, "class"] in options["only_classes"]
        if options["keep_untouched"]:
            assert identity in plan.add.ids


def assert_status_is_true(pushed: Pushed, there: Detections, before: set[str]) -> None:
    changes = compare(pushed, there)
    assert len(changes) == 0
    assert not changes.cleared
    edits = changes.all_edits
    deleted = set(edits.loc[edits["what"] == "deleted", "id"])
    assert not deleted & {*there.ids}
    drawn = {i for i, fields in pushed.decided.items() if "added" in fields} & {*there.ids}
    assert drawn - before <= set(edits.loc[edits["what"] == "added", "id"])
    assert set(pushed.conflicts["id"]) <= {*there.ids}


@settings(max_examples=30)
@given(st.lists(st.tuples(NUCLEI, PUSHES, EDITS), min_size=1, max_size=4))
def test_no_edit_is_lost_whatever_is_pushed(
    tmp_path: Path, rounds: list[tuple[Any, dict[str, Any], Any]]
) -> None:
    there, base = image_with_region(), None
    there_before = {*there.ids}
    parents: Parents = {}
    ever_deleted: set[str] = set()
    for nuclei, options, edits in rounds:
        new, chosen = segmentation(nuclei), MergeSettings(**options)

        plan = plan_push(objects(there, parents), base, new, chosen)

        after = apply(plan, there)
        parents = assert_nesting_stays(plan, parents, after)
        assert_nothing_of_the_reviewer_is_lost(plan, there, after)
        assert_only_the_scope_is_touched(plan, there, options, base)
        ever_deleted |= set(plan.merged.review.of("deleted"))
        assert not ever_deleted & {*after.ids}
        save_push_record(tmp_path / "record", plan.merged.pushed)
        base = load_push_record(tmp_path / "record")
        assert_status_is_true(base, after, there_before)

        again = plan_push(objects(after, parents), base, new, chosen)
        assert again.is_empty
        there = edit(after, edits)
        parents = nest(there, parents, edits)
        assert again.merged.pushed.times == base.times


def test_what_a_reviewer_drew_is_never_written_again() -> None:
    """Neither at the first push into an image nor at any later one."""
    there = with_more(image_with_region(), disc(100))
    new = row_of(3)

    first = plan_push(objects(there), None, new, MergeSettings())
    assert (first.remove, sorted(first.add.ids)) == ([], sorted(new.ids))
    after = apply(first, there)
    second = plan_push(objects(after), first.merged.pushed, row_of(3, shift=1), MergeSettings())
    assert not {*there.ids} & {*second.remove, *second.add.ids}


def test_a_review_of_an_earlier_push_and_that_of_another_reviewer_are_both_kept() -> None:
    """Edits made over an image that was open while the others and a segmentation were pushed."""
    image = image_with_region()
    first = plan_push(objects(image), None, row_of(4), MergeSettings(), time="May")
    opened = apply(first, image)
    nuclei = [identity for identity in opened.ids if identity not in image.ids]
    anothers = edited(without(opened, opened.ids.index(nuclei[0])), 1, **{"class": "Tumor"})
    tumor = anothers.ids[1]
    second = plan_push(
        objects(anothers), first.merged.pushed, row_of(4, shift=1), MergeSettings(), time="June"
    )
    saved_over = edited(without(opened, opened.ids.index(nuclei[3])), 3, name="mine")
    named = saved_over.ids[3]

    third = plan_push(
        objects(saved_over),
        second.merged.pushed,
        row_of(4, shift=1),
        MergeSettings(),
        earlier=first.merged.pushed,
        time="July",
    )

    found = apply(third, saved_over).objects
    assert {*found.index} == {*opened.ids} - {nuclei[0], nuclei[3]}
    assert found.loc[tumor, "class"] == "Tumor"
    assert found.loc[named, "name"] == "mine"
    edits = third.merged.pushed.history
    assert {*zip(edits["what"], edits["id"], strict=True)} == {
        ("deleted", nuclei[0]),
        ("reclassified", tumor),
        ("deleted", nuclei[3]),
        ("renamed", named),
    }
    again = plan_push(
        objects(apply(third, saved_over)), third.merged.pushed, row_of(4, shift=1), MergeSettings()
    )
    assert again.is_empty


def test_a_mark_comes_and_goes_without_the_object_being_written() -> None:
    new = row_of(1)
    first = plan_push(objects(image_with_region()), None, new, MergeSettings())
    there = edited(apply(first, image_with_region()), 1, **{"class": "Tumor"})
    marking = MergeSettings(conflict_class="?")

    lost = plan_push(objects(there), first.merged.pushed, row_of(0), marking)
    assert (lost.remove, len(lost.add), lost.reclassify) == ([], 0, {new.ids[0]: "Tumor: ?"})
    there = apply(lost, there)
    quiet = plan_push(objects(there), lost.merged.pushed, row_of(0), MergeSettings())
    assert (quiet.remove, len(quiet.add), quiet.reclassify) == ([], 0, {new.ids[0]: "Tumor"})


def test_a_region_that_is_not_there_is_named() -> None:
    with pytest.raises(BadInputError, match="no annotation of the class 'C'.*draw one in QuPath"):
        plan_push(objects(image_with_region()), None, row_of(1), MergeSettings(inside="C"))
