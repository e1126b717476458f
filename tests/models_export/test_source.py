"""The model folder and its weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bridge.errors import BadInputError
from bridge.model.folder import demo_model_folder
from models_export.source import open_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copied = tmp_path / "my model (v1)"
    shutil.copytree(demo_model_folder(), copied)
    shutil.copy(copied / "weights_best.h5", copied / "weights_last.h5")
    with (copied / "weights_last.h5").open("ab") as stream:
        stream.write(b"other")
    return copied


def test_a_folder_is_opened_with_its_recipe(folder: Path) -> None:
    source = open_source(folder)
    assert source.name == "my_model_v1"
    assert (source.n_dim, source.grid, source.n_channels) == (2, (2, 2), 1)
    assert source.weights.name == "weights_best.h5"
    assert source.recipe.nms == 0.3


def test_weights_are_chosen(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "third.h5"
    shutil.copy(folder / "weights_best.h5", elsewhere)
    best, last = open_source(folder, "best"), open_source(folder, "last")
    assert (best.weights.name, last.weights.name) == ("weights_best.h5", "weights_last.h5")
    assert best.sha256 == open_source(folder).sha256 == open_source(folder, elsewhere).sha256
    assert last.sha256 != best.sha256
    assert open_source(folder, "weights_last.h5").sha256 == last.sha256
    with pytest.raises(BadInputError, match=r"weights_best\.h5, weights_last\.h5"):
        open_source(folder, "weights_now.h5")


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no config\.json"):
        open_source(tmp_path)
    with pytest.raises(BadInputError, match="does not exist"):
        open_source(tmp_path / "missing")


def test_a_volume_model_is_opened_too(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "n_dim": 3, "grid": [1, 2, 2]}))
    source = open_source(folder)
    assert (source.n_dim, source.grid, source.recipe.nms) == (3, (1, 2, 2), 0.3)
    (folder / "thresholds.json").write_text("[]")
    with pytest.raises(BadInputError, match="prob and nms"):
        open_source(folder)
    (folder / "thresholds.json").unlink()
    for weights in folder.glob("*.h5"):
        weights.unlink()
    with pytest.raises(BadInputError, match="no weights"):
        open_source(folder)
