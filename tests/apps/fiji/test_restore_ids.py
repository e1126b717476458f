"""Objects that a reviewer drew anew under their old name."""

from __future__ import annotations

import shapely

from bridge import Detections
from bridge.apps.fiji.restore_ids import restore_ids


def pushed() -> Detections:
    return Detections.from_polygons(
        [shapely.box(0, 0, 5, 5), shapely.box(10, 0, 15, 5)],
        columns={"label": [4, 9], "class": ["a", "b"], "prob": [0.5, 0.75], "Area": [25.0, 25.0]},
    )


def left(names: list[str | None], ids: list[str]) -> Detections:
    """What ImageJ gives back of redrawn ROIs: outline and name, nothing else."""
    shapes = [shapely.box(1, 1, 4, 4 + row) for row in range(len(names))]
    return Detections.from_polygons(shapes, columns={"name": names, "Area": [1.0] * 2}, ids=ids)


def test_a_redrawn_object_is_itself_again() -> None:
    base = pushed()
    found = restore_ids(left(["0009-b", "new one"], [base.ids[0][::-1], "x"]), base)

    assert found.ids == [base.ids[1], "x"]
    row = found.objects.loc[base.ids[1]]
    assert (row["label"], row["class"], row["prob"], row["name"]) == (9, "b", 0.75, None)
    assert row.geometry.equals(shapely.box(1, 1, 4, 4))
    assert found.objects.loc["x", "name"] == "new one"


def test_an_updated_object_of_all_channels_does_not_move_to_the_one_in_front() -> None:
    base = pushed()
    names = ["0004-a", "new one", "0009-b"]
    updated = Detections.from_polygons(
        [shapely.box(1, 1, 4, 4)] * 3,
        columns={"name": names, "c": [2, 2, 2]},
        ids=["redrawn", "new", base.ids[1]],
    )

    found = restore_ids(updated, base).objects

    assert found.loc[[base.ids[0], "new", base.ids[1]], "c"].tolist() == [-1, 2, -1]


def test_a_copy_of_an_object_that_is_still_there_is_a_new_one() -> None:
    base = pushed()
    found = left(["0004-a", "0009-b"], [base.ids[0], "copy"])

    assert restore_ids(found, base).ids == [base.ids[0], base.ids[1]]

    both = Detections.from_polygons(
        [*base.objects.geometry, shapely.box(1, 1, 2, 2)],
        columns={"name": [None, None, "0009-b"]},
        ids=[*base.ids, "copy"],
    )
    assert restore_ids(both, base).ids == [*base.ids, "copy"]
