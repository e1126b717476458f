"""What becomes of a review when a new segmentation comes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal

from bridge import Detections, ImageInfo
from bridge.errors import BadInputError
from bridge.review import Merged, Pushed, compare, merge
from tests.review.nuclei import (
    assert_nothing_changes,
    disc,
    edited,
    row_of,
    with_more,
    without,
)


def outlines(detections: Detections) -> dict[str, Any]:
    return dict(zip(detections.ids, detections.objects.geometry, strict=True))


def only_conflict(merged: Merged) -> dict[str, Any]:
    (conflict,) = merged.conflicts.to_dict("records")
    return {str(key): value for key, value in conflict.items()}


def test_without_a_review_the_result_is_the_new_segmentation_with_the_old_identities() -> None:
    base, new = row_of(4, Area=[1, 2, 3, 4]), row_of(5, shift=2, prob=[0.1, 0.2, 0.3, 0.4, 0.5])

    merged = merge(base, base, new)

    expected = new.objects.set_axis([*base.ids, new.ids[4]], axis=0)
    assert_geodataframe_equal(merged.detections.objects, Detections(expected).objects)
    assert len(merged.changes) == len(merged.conflicts) == 0
    assert_nothing_changes(merged, new)


def test_an_untouched_object_that_is_not_found_again_goes() -> None:
    base = row_of(3)

    assert merge(base, base, without(row_of(3), 1)).detections.ids == [base.ids[0], base.ids[2]]


def test_a_deleted_object_stays_deleted_for_ever() -> None:
    base, second, third = row_of(3), row_of(3, shift=1), row_of(3, shift=2)

    first = merge(base, without(base, 1), second)
    later = merge(first.pushed, first.detections, third)

    assert first.detections.ids == later.detections.ids == [base.ids[0], base.ids[2]]
    assert first.changes.to_dict("records") == [
        {"id": base.ids[1], "what": "stays deleted", "why": "deleted", "new_id": second.ids[1]}
    ]
    assert_nothing_changes(first, second)
    assert_nothing_changes(later, third)


def test_a_deleted_object_that_the_reviewer_brings_back_is_there_again() -> None:
    base = row_of(2)
    first = merge(base, without(base, 1), row_of(2, shift=1))
    undone = replace(
        first.detections, objects=pd.concat([first.detections.objects, base.objects.iloc[1:]])
    )

    again = merge(first.pushed, undone, row_of(2, shift=2))

    assert set(again.detections.ids) == set(base.ids)
    assert len(again.pushed.deleted) == 0


@pytest.mark.parametrize(
    "values",
    [
        {"class": "Tumor", "class_color": "#112233"},
        {"name": "doubtful"},
        {"color": "#ff0000"},
        {"Score": 2.0},
        {"note": "look again"},
    ],
)
def test_a_decision_goes_with_the_new_outline(values: dict[str, Any]) -> None:
    base = row_of(3, Area=[1.0, 2.0, 3.0])
    new = row_of(3, shift=1, Area=[4.0, 5.0, 6.0])

    merged = merge(base, edited(base, 1, **values), new)

    row = merged.detections.objects.loc[base.ids[1]]
    assert {name: row[name] for name in values} == values
    assert row["Area"] == 5
    assert row["geometry"].equals(new.objects.geometry.iloc[1])
    assert merged.changes["what"].tolist() == ["new outline"]
    assert merged.changes["new_id"].tolist() == [new.ids[1]]
    assert_nothing_changes(merged, new)


@pytest.mark.parametrize(
    "values",
    [
        {"geometry": disc(31, radius=4)},
        {"locked": True},
        {"locked": True, "class": "Tumor"},
        {"object_type": "cell"},
        {"c": 2},
    ],
)
def test_what_was_drawn_moved_or_locked_stays_exactly_as_it_is(values: dict[str, Any]) -> None:
    base, new = row_of(3), row_of(3, shift=1)
    reviewed = edited(base, 1, **values)

    merged = merge(base, reviewed, new)

    assert_geodataframe_equal(
        merged.detections.objects.loc[[base.ids[1]]], reviewed.objects.iloc[[1]]
    )
    assert merged.detections.ids == base.ids
    assert merged.changes["what"].tolist() == ["kept"]
    assert_nothing_changes(merged, new)


def test_an_added_object_stays_and_takes_the_place_of_what_is_found_there() -> None:
    base, new = row_of(2), row_of(3, shift=1)
    reviewed = with_more(base, disc(50, radius=5))

    merged = merge(base, reviewed, new)

    assert merged.detections.ids == reviewed.ids
    assert merged.detections.objects.geometry.iloc[2].equals(disc(50, radius=5))
    assert_nothing_changes(merged, new)


def test_a_nucleus_that_was_drawn_three_pushes_ago_is_still_there() -> None:
    base = row_of(2)
    merged = merge(base, with_more(base, disc(50, radius=4)), row_of(3, shift=1))
    for shift in (2, 0, -1):
        merged = merge(merged.pushed, merged.detections, row_of(3, shift=shift))

    assert merged.detections.objects.geometry.iloc[2].equals(disc(50, radius=4))


def test_where_an_object_was_moved_away_nothing_comes_back() -> None:
    base, new = row_of(2), row_of(2, shift=1)
    for values in ({"geometry": disc(200)}, {"z": 1}, {"object_type": "tile"}):
        merged = merge(base, edited(base, 1, **values), new)

        assert merged.detections.ids == base.ids
        assert "moved away" in merged.changes["why"].tolist()
        assert_nothing_changes(merged, new)


def test_a_lock_that_is_opened_lets_the_new_outline_in() -> None:
    base, new = row_of(1), row_of(1, shift=1)
    locked = merge(base, edited(base, 0, locked=True), new)

    opened = merge(locked.pushed, edited(locked.detections, 0, locked=False), new)

    assert opened.detections.objects.geometry.iloc[0].equals(new.objects.geometry.iloc[0])
    assert not opened.detections.objects["locked"].iloc[0]


def test_an_edited_object_that_is_not_found_stays_and_is_a_conflict() -> None:
    base, new = row_of(3), without(row_of(3, shift=1), 1)
    reviewed = edited(base, 1, **{"class": "Tumor"})

    merged = merge(base, reviewed, new)

    assert_geodataframe_equal(
        merged.detections.objects.loc[[base.ids[1]]], reviewed.objects.iloc[[1]]
    )
    assert only_conflict(merged) == {
        "id": base.ids[1],
        "what": "not found",
        "why": "the new segmentation does not find it",
        "new_id": None,
    }
    assert_nothing_changes(merged, new)


def test_a_new_object_over_a_deleted_and_an_untouched_one_is_set_aside() -> None:
    base = row_of(3)
    joined = shapely.union(disc(10, radius=10), disc(30, radius=10))
    new = Detections.from_polygons([joined, disc(51)])

    merged = merge(base, without(base, 0), new)

    assert set(merged.detections.ids) == set(base.ids[1:])
    assert outlines(merged.detections)[base.ids[1]].equals(base.objects.geometry.iloc[1])
    assert only_conflict(merged)["id"] == base.ids[1]
    assert only_conflict(merged)["what"] == "in the way"
    assert only_conflict(merged)["new_id"] == new.ids[0]
    assert_nothing_changes(merged, new)


def test_a_new_object_over_two_edited_ones_is_set_aside_and_both_classes_stay() -> None:
    base = row_of(2)
    reviewed = edited(edited(base, 0, **{"class": "Tumor"}), 1, **{"class": "Stroma"})
    new = Detections.from_polygons([shapely.box(0, 0, 40, 20)])

    merged = merge(base, reviewed, new)

    assert merged.detections.objects["class"].tolist() == ["Tumor", "Stroma"]
    assert merged.conflicts["what"].tolist() == ["joined", "joined"]
    assert (
        merged.conflicts["why"].tolist()
        == ["one new object lies over 2 objects here of the classes Stroma, Tumor"] * 2
    )
    assert_nothing_changes(merged, new)


def test_one_edited_object_found_as_two_gives_its_decision_to_the_better_one() -> None:
    base = row_of(1, radius=[1.0])
    reviewed = edited(base, 0, **{"class": "Tumor"})
    new = Detections.from_polygons([shapely.box(4, 4, 11, 16), shapely.box(11.5, 4, 16, 16)])

    merged = merge(base, reviewed, new)

    assert merged.detections.ids == [base.ids[0], new.ids[1]]
    assert merged.detections.objects["class"].tolist() == ["Tumor", None]
    assert only_conflict(merged) == {
        "id": base.ids[0],
        "what": "split",
        "why": "the new segmentation finds 2 objects in its place",
        "new_id": new.ids[1],
    }
    assert_nothing_changes(merged, new)


def test_untouched_objects_that_are_split_or_joined_are_no_conflict() -> None:
    base = row_of(4)
    new = Detections.from_polygons(
        [shapely.box(4, 4, 11, 16), shapely.box(11.5, 4, 16, 16), shapely.box(43, 3, 80, 16)]
    )

    merged = merge(base, base, new)

    assert len(merged.conflicts) == 0
    assert [g.bounds for g in merged.detections.objects.geometry] == [
        g.bounds for g in new.objects.geometry
    ]


@pytest.mark.parametrize(
    ("reviewers_class", "mark"), [("Tumor", "Tumor: Conflict"), (None, "Conflict")]
)
def test_objects_in_conflict_are_shown_in_a_class_derived_from_their_own(
    reviewers_class: str | None, mark: str
) -> None:
    columns: dict[str, Any] = {"class": ["x", "y"]}
    base, new = row_of(2, **columns), without(row_of(2, shift=1), 0)
    reviewed = edited(base, 0, **{"class": reviewers_class, "name": "mine"})

    merged = merge(base, reviewed, new, conflict_class="Conflict")

    assert merged.detections.objects.loc[base.ids[0], "class"] == reviewers_class
    assert merged.pushed.shown.objects.loc[base.ids[0], "class"] == mark
    assert merged.pushed.shown.objects.loc[base.ids[0], "name"] == "mine"
    assert len(compare(merged.pushed, merged.pushed.shown)) == 0
    assert_nothing_changes(merged, new, conflict_class="Conflict")


def test_both_pieces_of_a_split_object_are_shown_in_the_class_of_conflicts() -> None:
    base = row_of(1)
    new = Detections.from_polygons([shapely.box(4, 4, 11, 16), shapely.box(11.5, 4, 16, 16)])

    merged = merge(base, edited(base, 0, **{"class": "Tumor"}), new, conflict_class="?")

    assert merged.pushed.shown.objects["class"].tolist() == ["Tumor: ?", "?"]
    assert_nothing_changes(merged, new, conflict_class="?")


def test_a_class_given_by_the_reviewer_ends_the_conflict() -> None:
    base, new = row_of(1), row_of(0)
    merged = merge(base, edited(base, 0, **{"class": "Tumor"}), new, conflict_class="?")
    assert len(merged.conflicts) == 1

    left = edited(merged.pushed.shown, 0, **{"class": "Stroma"})
    solved = merge(merged.pushed, left, new, conflict_class="?")

    assert solved.pushed.shown.objects["class"].tolist() == ["Stroma"]
    assert len(solved.conflicts) == 0
    assert_nothing_changes(solved, new, conflict_class="?")


@pytest.mark.parametrize("what", ["mark taken away", "locked"])
def test_a_conflict_that_the_reviewer_settled_leaves_the_list(what: str) -> None:
    base, new = row_of(1), row_of(0)
    merged = merge(base, edited(base, 0, **{"class": "Tumor"}), new, conflict_class="?")
    values: dict[str, Any] = {"class": "Tumor"} if what == "mark taken away" else {"locked": True}

    solved = merge(merged.pushed, edited(merged.pushed.shown, 0, **values), new, conflict_class="?")

    assert len(solved.conflicts) == 0
    assert solved.pushed.shown.objects["class"].tolist() == ["Tumor"]
    assert_nothing_changes(solved, new, conflict_class="?")


def test_a_conflict_ends_when_the_segmentation_finds_the_object_again() -> None:
    base = row_of(1)
    merged = merge(base, edited(base, 0, **{"class": "Tumor"}), row_of(0), conflict_class="?")

    again = merge(merged.pushed, merged.pushed.shown, row_of(1, shift=1), conflict_class="?")

    assert len(again.conflicts) == 0
    assert again.pushed.shown.objects["class"].tolist() == ["Tumor"]
    lost_again = merge(again.pushed, again.pushed.shown, row_of(0), conflict_class="?")
    assert lost_again.conflicts["what"].tolist() == ["not found"]


def test_annotations_are_never_touched() -> None:
    region = shapely.box(0, 0, 100, 20)
    base = with_more(row_of(2), region, object_type=["annotation"], name=["Region"])
    new = row_of(5, shift=1)

    merged = merge(base, base, new)

    assert merged.detections.ids[:2] == base.ids[:2]
    assert merged.detections.ids[-1] == base.ids[2]
    assert merged.detections.objects["label"].tolist() == [1, 2, 3, 4, 5, 6]
    assert len(merged.detections) == 6
    assert len(merged.conflicts) == 0
    assert_nothing_changes(merged, new)


def test_nuclei_as_annotations_are_reviewed_like_others() -> None:
    """Deleted ones stay deleted, untouched ones are replaced, and drawn ones stay."""
    as_annotations: dict[str, Any] = {"object_type": ["annotation"] * 4}
    base, new = row_of(4, **as_annotations), row_of(4, shift=1, **as_annotations)
    drawn = with_more(
        edited(without(base, 0), 0, **{"class": "Tumor"}), disc(110), object_type=["annotation"]
    )

    merged = merge(Pushed.of(base, regions=()), drawn, new, regions=())

    assert merged.detections.ids == [*base.ids[1:], drawn.ids[-1]]
    frame = merged.detections.objects
    assert frame["class"].tolist()[0] == "Tumor"
    assert frame.geometry.iloc[0].equals_exact(new.objects.geometry.iloc[1], 0)
    assert_nothing_changes(merged, new, regions=())
    missing = merge(merged.pushed, merged.detections, without(new, 3), regions=())
    assert missing.detections.ids == [*base.ids[1:3], drawn.ids[-1]]


@pytest.mark.parametrize("kinds", [("detection", "annotation"), ("annotation", "detection")])
def test_nuclei_may_become_annotations_and_back(kinds: tuple[str, str]) -> None:
    base, new = (row_of(3, object_type=[kind] * 3) for kind in kinds)

    merged = merge(Pushed.of(base, regions=()), without(base, 0), new, regions=())

    assert merged.detections.ids == base.ids[1:]
    assert set(merged.detections.objects["object_type"]) == {kinds[1]}
    assert_nothing_changes(merged, new, regions=())


def test_a_region_drawn_around_nuclei_that_are_annotations_blocks_none_of_them() -> None:
    as_annotations: dict[str, Any] = {"object_type": ["annotation"] * 3}
    base, new = row_of(3, **as_annotations), row_of(3, shift=1, **as_annotations)
    left = with_more(base, shapely.box(0, 0, 100, 20), object_type=["annotation"])

    merged = merge(Pushed.of(base, regions=()), left, new, regions=())
    assert merged.detections.ids == left.ids
    assert merged.kept == {left.ids[-1]}

    deleted = merge(
        merged.pushed, without(merged.detections, 3), row_of(3, **as_annotations), regions=()
    )
    assert deleted.detections.ids == base.ids


def test_regions_of_a_segmentation_are_kept_once() -> None:
    def segmentation(shift: float) -> Detections:
        return with_more(
            row_of(2, shift=shift), shapely.box(0, 0, 100, 20 + shift), object_type=["annotation"]
        )

    base, new = segmentation(0), segmentation(1)

    merged = merge(base, base, new)

    assert merged.detections.ids == base.ids
    assert_nothing_changes(merged, new)
    deleted = merge(merged.pushed, without(merged.detections, 2), segmentation(2))
    assert deleted.detections.ids == base.ids[:2]


def test_regions_and_nuclei_may_be_pushed_one_after_the_other() -> None:
    region = Detections.from_polygons(
        [shapely.box(0, 0, 100, 20)], columns={"object_type": ["annotation"]}
    )
    nuclei = row_of(3)

    merged = merge(region, region, nuclei)
    assert set(merged.detections.ids) == {*region.ids, *nuclei.ids}
    merged = merge(nuclei, nuclei, region)
    assert set(merged.detections.ids) == {*region.ids, *nuclei.ids}


def test_untouched_objects_that_are_not_found_stay_where_this_is_asked_for() -> None:
    base = row_of(3)

    merged = merge(base, base, without(row_of(3, shift=1), 1), keep_untouched=True)

    assert merged.detections.ids == [base.ids[0], base.ids[2], base.ids[1]]
    assert merged.kept == {base.ids[1]}
    assert len(merged.conflicts) == 0


def test_the_history_of_all_reviews_is_kept() -> None:
    base, new = row_of(4), row_of(4, shift=1)
    first = merge(Pushed.of(base, time="May"), without(base, 0), new, time="June")
    assert len(compare(first.pushed, first.detections)) == 0

    second = merge(
        first.pushed, edited(first.detections, 0, **{"class": "Tumor"}), new, time="July"
    )

    edits = compare(second.pushed, edited(second.detections, 2, name="mine")).all_edits
    assert edits[["push", "pushed", "id", "what"]].to_numpy().tolist() == [
        [1, "May", base.ids[0], "deleted"],
        [2, "June", base.ids[1], "reclassified"],
        [3, "July", base.ids[3], "renamed"],
    ]
    again = merge(second.pushed, second.detections, new, time="August")
    assert again.pushed.times == second.pushed.times == ("May", "June", "July")


def test_tiles_stay_where_the_segmentation_has_none() -> None:
    base = with_more(row_of(1), shapely.box(0, 0, 50, 50), object_type=["tile"])

    assert set(merge(base, base, row_of(1)).detections.ids) == set(base.ids)


def test_planes_are_kept_apart() -> None:
    base = row_of(2, z=[0, 1])
    new = Detections.from_polygons([disc(10), disc(30), disc(10)], columns={"z": [0, 1, 1]})

    merged = merge(base, without(base, 0), new)

    assert merged.detections.ids == [base.ids[1], new.ids[2]]


def test_a_kept_object_keeps_its_label_and_new_ones_get_free_numbers() -> None:
    base = row_of(3, label=[5, 6, 7])
    new = row_of(3, shift=1, label=[7, 6, 5])

    merged = merge(base, edited(base, 0, locked=True), new)

    labels = merged.detections.objects["label"]
    assert labels[base.ids[0]] == 5
    assert labels[base.ids[1]] == 6
    assert labels[base.ids[2]] == 7
    assert_nothing_changes(merged, new)


def test_the_very_same_segmentation_keeps_the_review() -> None:
    base = row_of(4)
    reviewed = without(edited(base, 1, **{"class": "Tumor"}), 0)

    merged = merge(base, reviewed, base)

    assert_geodataframe_equal(merged.detections.objects, reviewed.objects)
    assert len(merged.conflicts) == 0


def test_an_older_segmentation_can_be_pushed_again() -> None:
    first, second = row_of(3), row_of(4, shift=1)
    merged = merge(first, without(first, 0), second)

    back = merge(merged.pushed, merged.detections, first)

    assert back.detections.ids == first.ids[1:]
    assert_nothing_changes(back, first)


def test_a_freehand_line_that_crosses_itself_is_measured_but_stored_as_drawn() -> None:
    base, new = row_of(1), row_of(1)
    bow_tie = shapely.Polygon([(4, 4), (16, 16), (16, 4), (4, 16)])

    merged = merge(base, edited(base, 0, geometry=bow_tie), new)

    assert merged.detections.objects.geometry.iloc[0].equals_exact(bow_tie, 0)
    assert len(merged.detections) == 1


def test_columns_of_an_earlier_segmentation_stay_only_where_they_are_needed() -> None:
    base = row_of(2, Area=[1, 2], note=["a", None])
    new = row_of(2, shift=1, Perimeter=[3.0, 4.0])

    assert merge(base, base, new).detections.measurements == ["Perimeter"]
    frame = merge(base, edited(base, 0, locked=True), new).detections.objects
    assert frame["Area"].tolist()[0] == 1
    assert np.isnan(frame["Area"].tolist()[1])
    assert frame["note"].tolist() == ["a", None]


def test_another_image_is_not_merged() -> None:
    base = replace(row_of(1), image=ImageInfo(name="a", width=10, height=20))
    new = replace(row_of(1), image=ImageInfo(name="b", width=11, height=20))

    with pytest.raises(BadInputError, match="^b: its image is 11 x 20 px, that of .* 10 x 20 px"):
        merge(base, base, new)
    with pytest.raises(BadInputError, match=r"overlap: 0.0 is not a part"):
        merge(base, base, base, overlap=0.0)


def test_nothing_and_nothing_is_nothing() -> None:
    assert len(merge(row_of(0), row_of(0), row_of(0)).detections) == 0
    assert len(merge(row_of(2), row_of(0), row_of(2)).detections) == 0
    assert len(merge(Pushed(row_of(0)), row_of(2), row_of(0)).detections) == 2
