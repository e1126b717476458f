"""``starbridge pairs``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bridge.cli import app
from bridge.errors import BadInputError
from bridge.training.sources import read_pairs
from tests.apps.test_training_pairs import finish_region, push
from tests.training.folders import picture, save, squares


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of the command."""
    result = CliRunner().invoke(app, ["pairs", *map(str, arguments)])
    if isinstance(result.exception, BadInputError):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def masks(folder: Path, names: str = "abc", *, first: int = 0) -> Path:
    for seed, name in enumerate(names, first):
        save(folder / "images" / f"{name}.tif", picture(seed))
        save(folder / "masks" / f"{name}.tif", squares())
    return folder


def test_a_review_and_a_folder_of_masks_become_one_data_set(tmp_path: Path) -> None:
    finish_region(push(tmp_path / "review", "a", 7))
    masks(tmp_path / "old")

    code, out, err = run(
        tmp_path / "review", tmp_path / "old", "--inside", "Done", "--channel", "0",
        "--out", tmp_path / "set", "--split", "1", "--simulated", "2",
    )  # fmt: skip

    found = {pair.name: pair for pair in read_pairs(tmp_path / "set")}
    assert code == 0
    assert (
        out
        == f"{tmp_path / 'set'}: train: 6 images, {sum(p.count for p in found.values())} objects\n"
    )
    assert set(found) == {"a", "a_2", "b", "c", "simulated_0001", "simulated_0002"}
    assert found["a"].group == found["a_2"].group  # they may be the same image
    assert 0 < found["a"].reviewed < 1
    assert not err


def test_what_fails_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    masks(tmp_path / "in", "abcd")
    save(tmp_path / "in" / "masks" / "b.tif", (squares() > 0).astype(np.uint8))

    code, out, err = run(tmp_path / "in", "--out", tmp_path / "set", "--json")

    assert code == 1
    parts = json.loads(out)["parts"]
    assert {name: part["images"] for name, part in parts.items()} == {
        "train": 1,
        "val": 1,
        "test": 1,
    }
    assert "b.tif: is a binary mask" in err
    assert "1 could not be read" in err


def test_finished_images_are_named_for_the_review_that_has_them(tmp_path: Path) -> None:
    push(tmp_path / "one", "a", 0)
    push(tmp_path / "two", "b", 1)
    arguments = (tmp_path / "one", tmp_path / "two", "--channel", "0", "--out", tmp_path / "set")

    code, _, err = run(*arguments, "--done", "b")
    with pytest.raises(BadInputError, match="no review has an image 'x'"):
        run(*arguments, "--done", "x", "--overwrite")

    assert code == 1  # nothing is finished in the first
    assert "one: is a review without a finished region" in err
    assert [pair.name for pair in read_pairs(tmp_path / "set")] == ["b"]


def test_nothing_is_read_if_the_data_set_is_there(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "x").touch()

    with pytest.raises(BadInputError, match="is there already"):
        run(tmp_path / "none", "--out", tmp_path / "set")


def test_fields_of_names_keep_images_together(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for seed, name in enumerate(f"Pa_{o}_{s}" for o in ("OG1", "OG2", "OG3") for s in ("s1", "s2")):
        save(folder / "images" / f"{name}.tif", picture(seed))
        save(folder / "masks" / f"{name}.tif", squares())

    run(
        folder, "--out", tmp_path / "set", "--split-by", "organoid",
        "--pattern", "{clone}_{organoid}_{slice}",
    )  # fmt: skip

    found = {(pair.group, pair.split) for pair in read_pairs(tmp_path / "set")}
    assert {group for group, _ in found} == {"OG1", "OG2", "OG3"}
    assert {split for _, split in found} == {"train", "val", "test"}
    assert len(found) == 3
