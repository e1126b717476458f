"""Data sets as files."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadInputError, StarbridgeError
from bridge.formats.naming.crops import class_in_name
from bridge.training.datasets.building import BuildSettings, build_dataset
from bridge.training.datasets.preparing import LAYOUTS, Layout, Preparation
from bridge.training.datasets.writing import write_dataset
from bridge.training.pairs import IGNORED, TrainingPair
from bridge.training.sources import ReadOptions, read_pairs
from tests.training.folders import picture, squares


def pair(name: str = "a", seed: int = 0, **changes: Any) -> TrainingPair:
    settings: dict[str, Any] = {
        "image": picture(seed),
        "labels": squares(),
        "classes": {1: "Cyst (big)", 2: "dense"},
        "source": f"{name}.tif",
        "split": "train",
        **changes,
    }
    return TrainingPair(name=name, **settings)


def assert_same(first: TrainingPair, second: TrainingPair) -> None:
    for field in ("name", "classes", "source", "group", "frame", "ranges", "split"):
        assert getattr(first, field) == getattr(second, field), field
    assert first.image.dtype == second.image.dtype
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.labels, second.labels)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_data_set_is_read_back_as_it_was(
    tmp_path: Path, layout: Layout, kind: Any, channels: int
) -> None:
    image = picture(1, (48, 64, channels)).astype(kind)
    pairs = [
        pair(image=image),
        pair(
            "b", image=image + 1, split="", group="g", frame=(3, 4), ranges=((0.5, 7.0),) * channels
        ),
    ]

    write_dataset(pairs, tmp_path / "set", layout=layout)

    for made, found in zip(pairs, read_pairs(tmp_path / "set"), strict=True):
        assert_same(made, found)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_other_programs_find_each_image_its_mask(tmp_path: Path, layout: Layout) -> None:
    write_dataset([pair(), pair("b", 1, split="test")], tmp_path / "set", layout=layout)
    (tmp_path / "set" / "pairs.json").unlink()

    found = list(read_pairs(tmp_path / "set"))

    assert {(p.name, p.split) for p in found} == {("a", "train"), ("b", "test")}
    assert all(np.array_equal(p.labels, squares()) for p in found)


def test_names_of_orgaseg_are_its_own(tmp_path: Path) -> None:
    how = BuildSettings(preparation=Preparation(layout="orgaseg", quadrants=True), shares=(1, 0, 0))

    build_dataset([pair("x (1)"), pair("y", 1)], tmp_path / "set", how)

    names = {str(p.relative_to(tmp_path / "set")) for p in (tmp_path / "set").rglob("*.tiff")}
    assert {"train/images/y_0.tiff", "train/masks/y_segmentation_0.tiff"} < names
    assert "train/masks/x (1)_segmentation_3.tiff" in names


def test_masks_never_have_8_bits(tmp_path: Path) -> None:
    labels = np.zeros((48, 64), int)
    labels[4:8, 4:8], labels[20:24, 4:8] = 3, 2**20

    write_dataset([pair(labels=labels, classes={2**20: "x"})], tmp_path / "set")

    mask = tifffile.imread(tmp_path / "set" / "train" / "masks" / "a.tif")
    assert mask.dtype == np.uint16
    assert np.unique(mask).tolist() == [0, 1, 2]
    assert next(read_pairs(tmp_path / "set")).classes == {2: "x"}


def test_what_was_not_reviewed_is_minus_1_for_stardist_and_refused_elsewhere(
    tmp_path: Path,
) -> None:
    labels = squares().astype(int)
    labels[:, 40:] = IGNORED

    write_dataset([pair(labels=labels)], tmp_path / "set")

    mask = tifffile.imread(tmp_path / "set" / "train" / "masks" / "a.tif")
    assert mask.dtype == np.int32
    assert np.array_equal(mask, labels)
    assert np.array_equal(next(read_pairs(tmp_path / "set")).labels, labels)
    with pytest.raises(BadInputError, match=r"reviewed in parts.*--layout stardist"):
        write_dataset([pair(labels=labels)], tmp_path / "other", layout="cellpose")
    assert not (tmp_path / "other").exists()


def test_an_existing_folder_is_only_replaced_if_it_is_a_data_set(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.docx").write_bytes(b"years")
    write_dataset([pair()], tmp_path / "set")

    with pytest.raises(BadInputError, match="is there already"):
        write_dataset([pair()], tmp_path / "set")
    with pytest.raises(BadInputError, match="no data set"):
        write_dataset([pair()], mine, overwrite=True)
    write_dataset([pair("b")], tmp_path / "set", overwrite=True)

    assert [p.name for p in read_pairs(tmp_path / "set")] == ["b"]
    assert (mine / "thesis.docx").read_bytes() == b"years"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "set"]


def test_two_pairs_of_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"b\.tif: would be written to .* and so would a\.tif"):
        write_dataset([pair("x", source="a.tif"), pair("X", source="b.tif")], tmp_path / "set")


def test_pairs_whose_crops_would_have_one_name_are_refused(tmp_path: Path) -> None:
    pairs = [pair("x (1)", source="a.tif"), pair("X [1]", source="b.tif")]

    with pytest.raises(BadInputError, match=r"b\.tif: would be written to crops/.*so would a\.tif"):
        write_dataset(pairs, tmp_path / "set", crops=True)
    write_dataset(pairs, tmp_path / "set")


def test_crops_carry_their_class_in_the_only_round_bracket(tmp_path: Path) -> None:
    write_dataset([pair("slide (2)")], tmp_path / "set", crops=True)

    folder = tmp_path / "set" / "crops"
    names = sorted(path.name for path in folder.rglob("*.tif"))
    assert names[:2] == ["slide [2] (Cyst [big])_001.tif", "slide [2] (dense)_002.tif"]
    assert [class_in_name(name) for name in names[:3]] == ["Cyst [big]", "dense", None]
    crop = tifffile.imread(folder / "train" / names[1])
    assert np.array_equal(crop, picture(0)[4:12, 20:28])
    table = (folder / "crops.csv").read_text("utf-8").splitlines()
    assert table[1] == "crops/train/slide [2] (Cyst [big])_001.tif,Cyst (big),slide (2),1"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"image": "../../a.tif"}, "outside of its folder"),
        ({"labels": "/etc/passwd"}, "outside of its folder"),
        ({"split": "holdout"}, "damaged entry"),
        ({"frame": [1]}, "damaged entry"),
        ({"classes": {"x": "y"}}, "damaged entry"),
        ({"ranges": [[1]]}, "damaged entry"),
        ({"image": "train/images/none.tif"}, "none.tif"),
    ],
)
def test_a_manifest_that_cannot_be_trusted_is_refused(
    tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    write_dataset([pair()], tmp_path)
    file = tmp_path / "pairs.json"
    record = json.loads(file.read_text("utf-8"))
    record["pairs"][0] |= change
    file.write_text(json.dumps(record), "utf-8")

    with pytest.raises(BadInputError, match=problem):
        list(read_pairs(tmp_path))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)  # fmt: skip


@given(
    key=st.sampled_from(
        ["name", "image", "labels", "split", "group", "source", "hash", "frame", "ranges",
         "classes", "objects"]
    ),
    value=ANYTHING
    | st.lists(st.lists(st.floats() | st.integers(), max_size=3), max_size=3)
    | st.dictionaries(st.text("0123٣²x", max_size=30), st.text(max_size=3), max_size=2)
    | st.sampled_from([["1" * 5000], {"1" * 5000: "x"}, [10**400, 1], [[0, 10**400]], "a/../../b"]),
)  # fmt: skip
def test_whatever_a_manifest_says_is_a_pair_or_one_line(
    tmp_path: Path, key: str, value: Any
) -> None:
    write_dataset([pair()], tmp_path / "set", overwrite=True)
    file = tmp_path / "set" / "pairs.json"
    record = json.loads(file.read_text("utf-8"))
    record["pairs"][0][key] = value
    file.write_text(json.dumps(record), "utf-8")

    errors: list[StarbridgeError] = []
    with suppress(BadInputError):
        counts = [found.count for found in read_pairs(tmp_path / "set", on_error=errors.append)]
        assert counts == ([] if errors else [6])


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "starbridge training pairs"}'])
def test_a_damaged_manifest_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "pairs.json").write_text(content, "utf-8")

    with pytest.raises(BadInputError, match=r"pairs\.json"):
        list(read_pairs(tmp_path))


def test_an_image_that_was_changed_is_refused_and_a_mask_that_was_corrected_read(
    tmp_path: Path,
) -> None:
    write_dataset([pair(), pair("b", 1)], tmp_path)
    folder = tmp_path / "train"
    tifffile.imwrite(folder / "images" / "a.tif", picture(7))
    tifffile.imwrite(folder / "masks" / "b.tif", squares(5))
    errors: list[StarbridgeError] = []

    (found,) = read_pairs(tmp_path, on_error=errors.append)

    assert found.count == 5
    assert "a.tif: was changed" in str(errors[0])


def test_channels_of_a_data_set_can_be_chosen(tmp_path: Path) -> None:
    image = picture(1, (48, 64, 3))
    write_dataset([pair(image=image, ranges=((0, 1), (0, 2), (0, 3)))], tmp_path)

    (found,) = read_pairs(tmp_path, ReadOptions(channels=("2", "0")))

    assert np.array_equal(found.image, image[..., [2, 0]])
    assert found.ranges == ((0, 3), (0, 1))


def test_a_build_divides_whole_images_before_it_cuts_them(tmp_path: Path) -> None:
    pairs = [replace(pair(f"{n}", n), split="") for n in range(10)]
    how = BuildSettings(preparation=Preparation(tile=24), simulated=1, seed=2)

    written = build_dataset(pairs, tmp_path / "set", how)

    by_group: dict[str, set[str]] = {}
    for made in read_pairs(tmp_path / "set"):
        by_group.setdefault(made.group, set()).add(made.split)
    assert all(len(there) == 1 for there in by_group.values())
    assert len(written) == 10 * 6 + 1
    assert by_group["simulated_0001"] == {"train"}
