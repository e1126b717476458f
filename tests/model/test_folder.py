"""Model folders as StarDist writes them, their recipes, and folders that are none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import BadInputError
from bridge.model.folder import demo_model_folder, open_model
from bridge.model.recipe import Recipe


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the demo model, to be changed."""
    return Path(shutil.copytree(demo_model_folder(), tmp_path / "my_model"))


def change(path: Path, **entries: Any) -> None:
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**content, **entries}))


def test_the_demo_model_is_found_by_its_name() -> None:
    model = open_model("demo")

    assert model.name == "demo"
    assert model.sources["percentiles"] == "recipe.json"
    assert model.n_channels == 1


def test_thresholds_come_from_their_file_and_else_from_stardist(folder: Path) -> None:
    change(folder / "thresholds.json", prob=0.6, nms=0.2)
    (folder / "recipe.json").unlink()
    model = open_model(folder)
    assert (model.recipe.prob, model.recipe.nms) == (0.6, 0.2)
    assert model.recipe.percentiles == (1.0, 99.8)
    assert model.sources["percentiles"] == "StarDist's default"
    assert model.sources["prob"] == "thresholds.json"

    (folder / "thresholds.json").unlink()
    assert (open_model(folder).recipe.prob, open_model(folder).recipe.nms) == (0.5, 0.4)


def test_haug2_is_known_by_its_published_thresholds(folder: Path, shared: Path) -> None:
    shutil.copy(shared / "haug2_config.json", folder / "config.json")
    shutil.copy(shared / "haug2_thresholds.json", folder / "thresholds.json")
    (folder / "recipe.json").unlink()

    model = open_model(folder)

    assert model.recipe == Recipe((0.2, 99.8), 0.5104581312705648, 0.3, 0, diameter=8.0)
    assert model.sources["percentiles"] == "built in for stardist_haug2"
    assert (model.grid, model.n_rays) == ((1, 1), 32)


def test_haug2_is_known_by_its_name_too(folder: Path) -> None:
    (folder / "recipe.json").unlink()
    renamed = folder.rename(folder.with_name("stardist_haug2"))

    assert open_model(renamed).recipe.percentiles == (0.2, 99.8)


def test_a_recipe_beside_the_model_wins(folder: Path) -> None:
    change(folder / "recipe.json", percentiles=[3, 97], channel="DAPI", pixel_size=0.5)

    recipe = open_model(folder).recipe

    assert (recipe.percentiles, recipe.channel, recipe.pixel_size) == ((3, 97), "DAPI", 0.5)


def test_the_hash_follows_the_weights(folder: Path) -> None:
    before = open_model(folder).sha256
    with (folder / "weights_best.h5").open("ab") as stream:
        stream.write(b"\0")

    assert open_model(folder).sha256 != before


def test_a_path_that_is_no_model_folder_is_refused(tmp_path: Path, folder: Path) -> None:
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
        ("thresholds.json", '{"prob": "high", "nms": 0.3}', "does not give prob as a number"),
        ("recipe.json", '{"prob": 1.5}', "prob: 1.5 is no threshold"),
        ("recipe.json", '{"normalize": "both"}', "normalize: 'both' is unknown"),
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


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    (folder / "weights_best.h5").unlink()

    with pytest.raises(BadInputError, match=r"my_model: has no weights \(weights_best\.h5\)"):
        open_model(folder)


def test_a_3d_model_is_refused(folder: Path) -> None:
    change(folder / "config.json", n_dim=3, grid=[1, 2, 2])

    with pytest.raises(BadInputError, match="describes a 3D model"):
        open_model(folder)


@pytest.fixture
def two_weights(tmp_path: Path) -> Path:
    """Return a copy of the demo model with two weights files."""
    copied = Path(shutil.copytree(demo_model_folder(), tmp_path / "my model (v1)"))
    shutil.copy(copied / "weights_best.h5", copied / "weights_last.h5")
    with (copied / "weights_last.h5").open("ab") as stream:
        stream.write(b"other")
    return copied


def test_the_name_for_files_has_no_odd_characters(two_weights: Path) -> None:
    model = open_model(two_weights)
    assert (model.name, model.file_name) == ("my model (v1)", "my_model_v1")
    assert (model.origin, open_model("demo").origin) == (str(two_weights), "demo")


def test_weights_are_chosen(two_weights: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "third.h5"
    shutil.copy(two_weights / "weights_best.h5", elsewhere)
    best, last = open_model(two_weights, "best"), open_model(two_weights, "last")
    assert (best.weights.name, last.weights.name) == ("weights_best.h5", "weights_last.h5")
    assert best.sha256 == open_model(two_weights).sha256
    assert best.sha256 == open_model(two_weights, elsewhere).sha256
    assert last.sha256 != best.sha256
    assert open_model(two_weights, "weights_last.h5").sha256 == last.sha256
    with pytest.raises(BadInputError, match=r"weights_last\.h5, weights_best\.h5"):
        open_model(two_weights, "weights_now.h5")


def test_a_volume_model_is_opened_where_it_is_allowed(folder: Path) -> None:
    change(folder / "config.json", n_dim=3, grid=[1, 2, 2])
    model = open_model(folder, allow_3d=True)
    assert (model.n_dim, model.grid, model.recipe.nms) == (3, (1, 2, 2), 0.3)
    (folder / "thresholds.json").unlink()
    (folder / "weights_best.h5").unlink()
    with pytest.raises(BadInputError, match="no weights"):
        open_model(folder, allow_3d=True)
