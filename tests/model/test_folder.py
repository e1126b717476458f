"""Model folders as StarDist writes them, their recipes, and folders that are none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import BadInputError
from bridge.model.folder import Recipe, demo_model_folder, open_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the demo model, to be changed."""
    return Path(shutil.copytree(demo_model_folder(), tmp_path / "my_model"))


def change(path: Path, **entries: Any) -> None:
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**content, **entries}))


def test_the_demo_model_is_found_by_its_name() -> None:
    model = open_model("demo")

    assert model.name == "demo"
    assert model.recipe_source == "recipe.json"
    assert model.n_channels == 1


def test_thresholds_come_from_their_file_and_else_from_stardist(folder: Path) -> None:
    change(folder / "thresholds.json", prob=0.6, nms=0.2)
    (folder / "recipe.json").unlink()
    model = open_model(folder)
    assert (model.recipe.prob, model.recipe.nms) == (0.6, 0.2)
    assert model.recipe.percentiles == (1.0, 99.8)
    assert model.recipe_source == "StarDist's defaults"

    (folder / "thresholds.json").unlink()
    assert (open_model(folder).recipe.prob, open_model(folder).recipe.nms) == (0.5, 0.4)


def test_haug2_is_known_by_its_published_thresholds(folder: Path, shared: Path) -> None:
    shutil.copy(shared / "haug2_config.json", folder / "config.json")
    shutil.copy(shared / "haug2_thresholds.json", folder / "thresholds.json")
    (folder / "recipe.json").unlink()

    model = open_model(folder)

    assert model.recipe == Recipe((0.2, 99.8), 0.5104581312705648, 0.3, 0)
    assert model.recipe_source == "built in for stardist_haug2"
    assert (model.grid, model.n_rays) == ((1, 1), 32)


def test_haug2_is_known_by_its_name_too(folder: Path) -> None:
    (folder / "recipe.json").unlink()
    renamed = folder.rename(folder.with_name("stardist_haug2"))

    assert open_model(renamed).recipe.percentiles == (0.2, 99.8)


def test_a_recipe_beside_the_model_wins(folder: Path) -> None:
    change(folder / "recipe.json", percentiles=[3, 97], channel="DAPI", pixel_size=0.5)

    recipe = open_model(folder).recipe

    assert (recipe.percentiles, recipe.channel, recipe.pixel_size) == ((3, 97), "DAPI", 0.5)


def test_the_best_weights_are_taken(folder: Path) -> None:
    shutil.copy(folder / "weights_best.h5", folder / "weights_last.h5")
    shutil.copy(folder / "weights_best.h5", folder / "a.h5")
    assert open_model(folder).weights.name == "weights_best.h5"

    (folder / "weights_best.h5").unlink()
    assert open_model(folder).weights.name == "weights_last.h5"


def test_the_hash_follows_the_weights(folder: Path) -> None:
    before = open_model(folder).sha256
    with (folder / "weights_best.h5").open("ab") as stream:
        stream.write(b"\0")

    assert open_model(folder).sha256 != before


def test_what_is_no_model_folder_is_said(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(BadInputError, match="nowhere: does not exist; give the folder that holds"):
        open_model(tmp_path / "nowhere")
    with pytest.raises(BadInputError, match="is a file, not a model folder"):
        open_model(folder / "config.json")
    with pytest.raises(BadInputError, match=r"has no config\.json.*did you mean .*my_model\?"):
        open_model(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", "{ broken", r"config\.json: is not valid JSON"),
        ("config.json", "[]", r"config\.json: is JSON of another kind"),
        ("config.json", "{}", "is not a StarDist configuration"),
        ("thresholds.json", '{"prob": 0.5}', "does not give prob and nms"),
        ("thresholds.json", '{"prob": 1.5, "nms": 0.3}', "prob: 1.5 is no threshold"),
        ("recipe.json", '{"percentile": [1, 99]}', "has the unknown entry 'percentile'"),
        ("recipe.json", '{"percentiles": [99, 1]}', "percentiles: 99 and 1 do not rise"),
        ("recipe.json", '{"percentiles": 5}', "value of the wrong kind"),
        ("recipe.json", '{"pixel_size": -1}', "is not a length"),
    ],
)
def test_damaged_files_are_named(folder: Path, file: str, content: str, message: str) -> None:
    (folder / file).write_text(content)

    with pytest.raises(BadInputError, match=message):
        open_model(folder)


def test_a_folder_without_weights_is_said(folder: Path) -> None:
    (folder / "weights_best.h5").unlink()

    with pytest.raises(BadInputError, match=r"my_model: has no weights \(weights_best\.h5\)"):
        open_model(folder)


def test_a_3d_model_is_refused(folder: Path) -> None:
    change(folder / "config.json", n_dim=3, grid=[1, 2, 2])

    with pytest.raises(BadInputError, match="describes a 3D model"):
        open_model(folder)
