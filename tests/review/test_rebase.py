"""Edits that were made to an earlier push, carried over to a later one."""

from __future__ import annotations

import shapely
from hypothesis import given
from hypothesis import strategies as st

from bridge import Detections, ImageInfo
from bridge.review import Pushed, compare
from bridge.review.rebase import rebase
from bridge.review.rows import concat_tables

NUMBERS = range(6)


def squares(numbers: range | list[int] = NUMBERS, shift: float = 0.0) -> Detections:
    """Squares whose ids tell their number."""
    return Detections.from_polygons(
        [shapely.box(20 * n + shift, 0, 20 * n + 10 + shift, 10) for n in numbers],
        columns={"label": [n + 1 for n in numbers], "class": ["a"] * len(numbers)},
        ids=[f"00000000-0000-4000-8000-{n:012d}" for n in numbers],
        image=ImageInfo(width=200, height=20),
    )


def with_class(detections: Detections, row: int, name: str) -> Detections:
    frame = detections.objects.copy()
    frame.loc[frame.index[row], "class"] = name
    return Detections(frame, detections.image)


def added(detections: Detections, outline: shapely.Polygon) -> Detections:
    drawn = Detections.from_polygons([outline], columns={"label": [99]})
    return Detections(concat_tables([detections.objects, drawn.objects]), detections.image)


def test_untouched_objects_are_those_of_the_later_push() -> None:
    later = squares(shift=1)

    found = rebase(squares(), squares(), later)

    assert len(compare(later, found)) == 0


def test_an_edit_is_made_to_the_object_of_the_later_push() -> None:
    later = squares(shift=1)

    found = rebase(squares(), with_class(squares(), 2, "b"), later)

    assert compare(later, found).table()[["what", "after"]].to_numpy().tolist() == [
        ["reclassified", "b"]
    ]
    assert found.objects.geometry.iloc[2].bounds[0] == 41


def test_an_edited_object_that_the_later_push_has_no_more_is_added() -> None:
    later = squares([0, 1, 3, 4, 5])

    found = rebase(squares(), with_class(squares(), 2, "b"), later)

    changes = compare(later, found)
    assert changes.of("added") == [squares().ids[2]]
    assert found.objects.loc[squares().ids[2], "class"] == "b"


def test_an_object_that_the_later_push_has_from_an_earlier_save_is_not_added_again() -> None:
    outline = shapely.box(150, 2, 160, 9)
    later = added(squares(shift=1), outline)

    same = rebase(squares(), added(squares(), outline), later)
    other = rebase(squares(), added(squares(), shapely.box(170, 2, 180, 9)), later)

    assert len(compare(later, same)) == 0
    assert compare(later, other).counts()["added"] == 1


def test_an_object_that_is_in_conflict_keeps_its_mark() -> None:
    later = Pushed(squares(shift=1), marks={squares().ids[0]: "a: conflict"})

    found = rebase(squares(), squares(), later)

    assert len(compare(later, found)) == 0
    assert found.objects["class"].iloc[0] == "a: conflict"


@given(
    gone=st.sets(st.sampled_from(NUMBERS)),
    classed=st.sets(st.sampled_from(NUMBERS)),
    missing=st.sets(st.sampled_from(NUMBERS)),
)
def test_no_edit_is_lost_and_none_is_invented(
    gone: set[int], classed: set[int], missing: set[int]
) -> None:
    ids = squares().ids
    reviewed = squares([n for n in NUMBERS if n not in gone])
    for identity in (ids[n] for n in classed - gone):
        reviewed = with_class(reviewed, reviewed.ids.index(identity), "b")
    later = squares([n for n in NUMBERS if n not in missing], shift=1)

    changes = compare(later, rebase(squares(), reviewed, later))

    assert set(changes.of("deleted")) == {ids[n] for n in gone - missing}
    assert set(changes.of("reclassified")) == {ids[n] for n in classed - gone - missing}
    assert set(changes.of("added")) == {ids[n] for n in (classed - gone) & missing}
    assert len(changes.edits) == sum(
        len(changes.of(w)) for w in ("deleted", "reclassified", "added")
    )
