"""What a reviewer did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge import Detections
from bridge.errors import BadInputError
from bridge.review import compare
from tests.label_images import label_images
from tests.objects import assert_same
from tests.objects import reviewed as everything
from tests.review.nuclei import disc, edited, row_of, with_more, without


@pytest.mark.parametrize("ending", [".zip", ".geojson", ".geojson.gz", ".parquet", ".csv"])
def test_a_round_trip_without_an_edit_is_no_change(tmp_path: Path, ending: str) -> None:
    base = everything()
    base.write(tmp_path / f"objects{ending}")

    changes = compare(base, Detections.read(tmp_path / f"objects{ending}"))

    assert changes.table().to_dict("records") == []
    assert changes.untouched == set(base.ids)


@settings(max_examples=25)
@given(label_images(), st.sampled_from([".zip", ".geojson"]))
def test_any_label_image_comes_back_without_a_change(
    tmp_path: Path, labels: NDArray[Any], ending: str
) -> None:
    base = Detections.from_labels(labels)
    base.write(tmp_path / f"labels{ending}")

    changes = compare(base, Detections.read(tmp_path / f"labels{ending}"))

    assert len(changes) == 0
    assert_same(changes.applied, base)


@pytest.mark.parametrize("ending", [".zip", ".geojson"])
def test_a_real_section_comes_back_without_a_change(
    tmp_path: Path, haug2_mask_path: Path, ending: str
) -> None:
    base = Detections.read(haug2_mask_path)
    base.write(tmp_path / f"section{ending}")

    assert len(compare(base, Detections.read(tmp_path / f"section{ending}"))) == 0


@pytest.mark.parametrize(
    ("values", "what", "before", "after"),
    [
        ({"class": "Tumor"}, "reclassified", None, "Tumor"),
        ({"name": "doubtful"}, "renamed", None, "doubtful"),
        ({"color": "#ff0000"}, "recoloured", None, "#ff0000"),
        ({"locked": True}, "locked", None, None),
        ({"object_type": "cell"}, "retyped", "detection", "cell"),
        ({"z": 3}, "moved", "z = 0", "z = 3"),
        ({"c": 1}, "moved", "c = -1", "c = 1"),
        ({"Area": 7.5}, "measured", "Area = 4.0", "Area = 7.5"),
        ({"note": "look"}, "annotated", None, "note = look"),
        ({"geometry": disc(10, radius=7)}, "reshaped", "112.4 px²", "153.0 px²"),
    ],
)
def test_every_edit_is_named(values: dict[str, Any], what: str, before: Any, after: Any) -> None:
    base = row_of(3, Area=[4.0, 5.0, 6.0])

    changes = compare(base, edited(base, 0, **values))

    (edit,) = changes.table().to_dict("records")
    assert (edit["id"], edit["what"], edit["before"], edit["after"]) == (
        base.ids[0], what, before, after,
    )  # fmt: skip
    assert (edit["label"], edit["x"], edit["y"]) == (1, 10, 10)
    assert changes.counts() == {**dict.fromkeys(changes.counts(), 0), what: 1, "untouched": 2}
    assert changes.untouched == set(base.ids[1:])


def test_deleted_and_added_objects_are_told_where_they_are() -> None:
    base = row_of(3)
    reviewed = with_more(without(base, 1), disc(200, 50))

    table = compare(base, reviewed).table()

    assert table[["what", "x", "y", "label"]].to_numpy().tolist() == [
        ["added", 200, 50, 4],
        ["deleted", 30, 10, 2],
    ]


def test_a_lock_that_is_opened_is_an_edit() -> None:
    base = row_of(1, locked=[True])

    assert compare(base, edited(base, 0, locked=False)).of("unlocked") == base.ids


def test_a_nucleus_inside_a_cell_is_an_outline_too() -> None:
    base = row_of(2, object_type=["cell", "cell"], nucleus=[disc(10, radius=3), None])

    assert compare(base, edited(base, 0, nucleus=disc(10, radius=4))).of("reshaped") == base.ids[:1]


def test_what_applications_fill_in_is_no_edit() -> None:
    columns: dict[str, Any] = {"class": ["Tumor", None], "color": ["#AABBCC", None]}
    base = row_of(2, Area=[1 / 3, 2], **columns)
    back = edited(base, 0, class_color="#C80000", color="#aabbcc", Area=float(np.float32(1 / 3)))
    back = edited(back, 0, label=7)
    back = edited(back, 1, name="")

    assert len(compare(base, back)) == 0


def test_a_class_shown_in_another_colour_is_recoloured_but_not_reclassified() -> None:
    columns: dict[str, Any] = {"class": ["Tumor"], "class_color": ["#010203"]}
    base = row_of(1, **columns)

    assert compare(base, edited(base, 0, class_color="#040506")).of("recoloured") == base.ids
    changes = compare(base, edited(base, 0, **{"class": "Stroma", "class_color": "#040506"}))
    assert changes.counts()["recoloured"] == 0
    assert changes.applied.objects["class_color"].tolist() == ["#040506"]


def test_what_the_way_back_does_not_carry_is_no_edit_and_is_kept() -> None:
    base = row_of(2, Area=[4, 5], note=["a", None], locked=[True, False])
    back = row_of(2)
    back.objects.index = base.objects.index

    changes = compare(base, back, fields=["geometry", "class", "name", "measurements", "metadata"])

    assert len(changes) == 0
    assert_same(changes.applied, base)


def test_measurements_that_the_application_made_for_all_objects_are_nobodys_edit() -> None:
    base = row_of(3)
    back = edited(base, 0, Solidity=0.9)
    assert compare(base, back).of("measured") == base.ids[:1]

    back.objects["Solidity"] = [0.9, 0.8, 0.7]
    changes = compare(base, back)

    assert len(changes) == 0
    assert changes.computed == ("Solidity",)


def test_edits_are_applied_to_the_exact_objects() -> None:
    base = row_of(3, Area=[1, 2, 3])
    back = edited(base, 1, Area=2.5, geometry=disc(30, radius=7))
    back.objects["geometry"] = shapely.transform(
        back.objects.geometry.to_numpy(), lambda xy: np.round(xy, 2)
    )

    applied = compare(base, with_more(back, disc(300))).applied.objects

    assert applied["Area"].tolist()[:3] == [1, 2.5, 3]
    assert applied.geometry.iloc[0].equals_exact(base.objects.geometry.iloc[0], 0)
    assert applied.geometry.iloc[1].equals_exact(back.objects.geometry.iloc[1], 0)
    assert len(applied) == 4


def test_a_field_that_is_none_is_said() -> None:
    with pytest.raises(BadInputError, match="'colour' is not a field of objects"):
        compare(row_of(1), row_of(1), fields=["colour"])


def test_no_objects_at_all_have_no_changes() -> None:
    assert compare(row_of(0), row_of(0)).counts()["untouched"] == 0
    assert compare(row_of(0), row_of(2)).counts()["added"] == 2
    assert len(compare(row_of(2), row_of(0)).applied) == 0
