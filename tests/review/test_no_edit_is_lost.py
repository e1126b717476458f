"""Whatever a reviewer does and whatever the next segmentation finds, no edit is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import Detections
from bridge.review import Merged, Pushed, load_push_record, merge, save_push_record
from bridge.review.overlaps import find_overlaps
from tests.review.nuclei import assert_nothing_changes, disc

NUCLEI = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(3, 12), st.integers(0, 1)),
    max_size=8,
)
EDITS = st.sampled_from(
    ["delete", "class", "name", "color", "lock", "unlock", "score", "reshape", "move", "z", "cell"]
)
REVIEWS = st.tuples(st.lists(st.tuples(EDITS, st.integers(0, 20)), max_size=6), NUCLEI)


def segmentation(nuclei: list[tuple[int, int, int, int]]) -> Detections:
    """Nuclei anywhere, also over each other, in two slices."""
    return Detections.from_polygons(
        [disc(x, y, radius) for x, y, radius, _ in nuclei],
        columns={
            "z": np.array([z for *_, z in nuclei], int),
            "prob": np.linspace(0, 1, len(nuclei)),
            "Area": np.arange(len(nuclei), dtype=float),
        },
    )


def review(
    pushed: Detections, edits: list[tuple[str, int]], drawn: list[tuple[int, int, int, int]]
) -> Detections:
    rows = pushed.objects.to_dict("index")
    for number, (edit, which) in enumerate(edits):
        if not rows:
            break
        row = rows[list(rows)[which % len(rows)]]
        if edit == "delete":
            del rows[list(rows)[which % len(rows)]]
        elif edit in ("class", "name"):
            row[edit] = f"{edit} {number}"
        elif edit == "color":
            row["color"] = f"#0000{number:02x}"
        elif edit in ("lock", "unlock"):
            row["locked"] = edit == "lock"
        elif edit == "score":
            row["Area"] = 100.0 + number
        elif edit == "reshape":
            row["geometry"] = row["geometry"].buffer(1)
        elif edit == "move":
            row["geometry"] = shapely.transform(row["geometry"], lambda xy: xy + 30)
        elif edit == "z":
            row["z"] = 1 - row["z"]
        else:
            row["object_type"] = "cell"
    names = pushed.objects.columns
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=names)
    added = segmentation(drawn).objects[:2]
    values: dict[str, Any] = {
        name: [*frame[name], *(added[name] if name in added else [None] * len(added))]
        for name in names
    }
    highest = pushed.objects["label"].max() if len(pushed) else 0
    values["label"] = np.arange(1, len(values["label"]) + 1) + highest
    polygons = values.pop("geometry")
    return Detections.from_polygons(
        polygons, columns=values, ids=[*frame.index.astype(str), *added.index]
    )


def as_text(value: Any) -> Any:
    return None if value is None or value != value else value


def assert_no_edit_is_lost(merged: Merged, reviewed: Detections) -> None:
    """The decisions of this and of all earlier reviews."""
    result, left = merged.detections.objects, merged.review.reviewed.objects
    assert left.index.equals(reviewed.objects.index)
    deleted = merged.pushed.deleted.objects
    assert not set(merged.review.of("deleted")) & set(result.index)
    assert set(merged.review.of("deleted")) <= set(deleted.index)
    for identity, fields in merged.pushed.decided.items():
        if identity not in left.index:
            continue
        drawn = fields & {"added", "geometry", "z", "object_type"} or left.loc[identity, "locked"]
        concerned = left.columns.drop("label") if drawn else [*fields]
        for name in concerned:
            ours, theirs = (frame.loc[identity].get(name) for frame in (result, left))
            if name == "geometry":
                assert ours.equals_exact(theirs, 0)
            else:
                assert as_text(ours) == as_text(theirs), name
    assert set(merged.pushed.decided) >= set(merged.review.decided)


def assert_one_to_one(merged: Merged, new: Detections, reviewed: Detections) -> None:
    """Every new object is there once at most, and not over what was deleted or drawn."""
    result = merged.detections.objects
    found_as = [merged.pushed.found_as.get(i, i) for i in result.index]
    of_new = [i for i in found_as if i in new.objects.index]
    assert len(of_new) == len(set(of_new))

    arrived = result[~result.index.isin(reviewed.objects.index)]
    assert len(find_overlaps(arrived, merged.pushed.deleted.objects).iou) == 0
    drawn = [i for i, names in merged.pushed.decided.items() if names & {"added", "geometry"}]
    assert len(find_overlaps(arrived, result.loc[result.index.isin(drawn)]).iou) == 0


@settings(max_examples=25)
@given(
    NUCLEI,
    st.lists(st.tuples(REVIEWS, NUCLEI), min_size=1, max_size=3),
    st.sampled_from([None, "?"]),
)
def test_no_edit_is_lost_over_any_number_of_pushes(
    tmp_path: Path, first: Any, rounds: Any, conflict_class: str | None
) -> None:
    pushed = Pushed.of(segmentation(first))
    gone: set[str] = set()
    for (edits, drawn), nuclei in rounds:
        reviewed = review(pushed.shown, edits, drawn)
        new = segmentation(nuclei)

        merged = merge(pushed, reviewed, new, conflict_class=conflict_class)

        assert_no_edit_is_lost(merged, reviewed)
        assert_one_to_one(merged, new, reviewed)
        gone |= set(merged.review.of("deleted"))
        assert not gone & set(merged.detections.ids)
        assert_nothing_changes(merged, new, conflict_class=conflict_class)
        save_push_record(tmp_path / "record", merged.pushed)
        pushed = load_push_record(tmp_path / "record")


@given(NUCLEI, NUCLEI)
def test_without_a_review_the_result_is_the_new_segmentation(first: Any, second: Any) -> None:
    base, new = segmentation(first), segmentation(second)

    merged = merge(base, base, new)

    found = merged.detections.objects.reset_index(drop=True)
    assert_geodataframe_equal(found, new.objects.reset_index(drop=True))
    assert len(merged.conflicts) == 0


@pytest.mark.parametrize("ending", [".zip", ".geojson"])
def test_a_review_of_a_thousand_nuclei(tmp_path: Path, haug2_mask_path: Path, ending: str) -> None:
    """Everything that reviewers do, through a file, and a second and third segmentation."""
    rng = np.random.default_rng(7)
    section = Detections.read(haug2_mask_path)
    base = replace(section, objects=section.objects.iloc[:1000])
    assert len(base) == 1000
    base.write(tmp_path / f"pushed{ending}")
    frame = Detections.read(tmp_path / f"pushed{ending}").objects
    ids = frame.index.to_numpy()
    classified, reshaped, locked, renamed = ids[100:200], ids[200:250], ids[250:275], ids[275:300]
    frame.loc[classified, "class"] = "Tumor"
    frame.loc[reshaped, "geometry"] = shapely.buffer(frame.loc[reshaped, "geometry"].to_numpy(), 1)
    frame.loc[locked, "locked"] = True
    frame.loc[renamed, "name"] = "doubtful"
    drawn = Detections.from_polygons([disc(60 * k, -50) for k in range(20)]).objects
    drawn["label"] += 100_000
    reviewed = Detections(pd.concat([frame.iloc[100:], drawn]))
    reviewed.write(tmp_path / f"reviewed{ending}")
    reviewed = Detections.read(tmp_path / f"reviewed{ending}")

    def another(kind: int) -> Detections:
        outlines = shapely.transform(
            base.objects.geometry.to_numpy(), lambda xy: xy + rng.normal(0, 0.5, 2)
        )
        found: list[Any] = []
        for k, outline in enumerate(outlines):
            if (k + kind) % 10 == 0:
                continue
            if (k + kind) % 10 == 1:
                low, high = outline.bounds[:2], outline.bounds[2:]
                middle = (low[0] + high[0]) / 2
                halves = (
                    outline.intersection(shapely.box(low[0], low[1], middle, high[1])),
                    outline.intersection(shapely.box(middle, low[1], high[0], high[1])),
                )
                found += [h for h in halves if h.geom_type == "Polygon" and h.area > 0]
            elif (k + kind) % 10 == 2 and k:
                found.append(shapely.convex_hull(shapely.union(outline, outlines[k - 1])))
            else:
                found.append(outline)
        return Detections.from_polygons(found, image=base.image)

    pushed = Pushed.of(base)
    for kind in range(3):
        new = another(kind)
        merged = merge(pushed, reviewed, new)
        if kind == 0:
            counts = merged.review.counts()
            assert (counts["deleted"], counts["reclassified"], counts["reshaped"]) == (100, 100, 50)
            assert (counts["added"], counts["locked"], counts["renamed"]) == (20, 25, 25)
            assert counts["untouched"] == 700
        else:
            assert len(merged.review) == 0
        result = merged.detections.objects
        assert not set(ids[:100]) & set(result.index)
        assert set(result.loc[classified, "class"]) == {"Tumor"}
        assert set(result.loc[renamed, "name"]) == {"doubtful"}
        assert result.loc[locked, "locked"].all()
        for kept in (reshaped, drawn.index, locked):
            before, after = reviewed.objects.loc[kept].geometry, result.loc[kept].geometry
            near = shapely.hausdorff_distance(before.to_numpy(), after.to_numpy())
            assert near.max() < 0.01
        arrived = result[~result.index.isin(ids)]
        assert len(find_overlaps(arrived, base.objects.iloc[:100]).iou) == len(
            find_overlaps(result.loc[drawn.index], base.objects.iloc[:100]).iou
        )
        assert_nothing_changes(merged, new)
        pushed, reviewed = merged.pushed, merged.detections
