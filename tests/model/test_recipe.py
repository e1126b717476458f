"""Recipes: what each setting is, and where it came from."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.model.recipe import BUILT_IN, Recipe, read_recipe


def test_each_setting_says_where_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text('{"pixel_size": 0.5, "nms": 0.2, "channel": null}')

    recipe, sources = read_recipe(tmp_path, "my haug2 model", {"prob": 0.6, "nms": 0.3})

    assert recipe == Recipe((0.2, 99.8), 0.6, 0.2, 0, 0.5, diameter=8.0)
    assert sources == {
        "channel": "StarDist's default",
        "classes": "StarDist's default",
        "diameter": "built in for stardist_haug2",
        "nms": "recipe.json",
        "normalize": "StarDist's default",
        "percentiles": "built in for stardist_haug2",
        "pixel_size": "recipe.json",
        "prob": "thresholds.json",
    }


@pytest.mark.parametrize("name", ["2D_versatile_he", "python_2D_versatile_he"])
def test_colours_are_kept_for_the_published_model_of_stained_sections(name: str) -> None:
    recipe, sources = read_recipe(Path("nowhere"), name, {})

    assert recipe.normalize == "joint"
    assert sources["normalize"] == "built in for 2D_versatile_he"
    assert read_recipe(Path("nowhere"), "my_he", {})[0].normalize == "channels"


def test_a_recipe_survives_its_file(tmp_path: Path) -> None:
    recipe = Recipe((3, 97), 0.4, 0.2, (0, "Cy5"), 0.3, "joint", ("Neuron", "Glia"), 12.5)
    (tmp_path / "recipe.json").write_text(json.dumps(recipe.to_json()))

    assert read_recipe(tmp_path, "model", {})[0] == recipe


def test_classes_without_a_name_are_numbered() -> None:
    recipe = Recipe(classes=("Neuron",))

    assert [recipe.class_name(number) for number in (1, 2)] == ["Neuron", "class 2"]
    with pytest.raises(BadInputError, match="classes: are not all names"):
        Recipe(classes=("Neuron", ""))


def diameter(areas: NDArray[Any]) -> float:
    """Median diameter of discs of these areas."""
    return float(2 * np.sqrt(np.median(areas[areas > 0]) / np.pi))


def built_in(model: str) -> Any:
    (found,) = (recipe for recipe in BUILT_IN if recipe.model == model)
    return found.settings["diameter"]


def test_haug2_learnt_nuclei_of_the_size_in_its_published_label_image(shared: Path) -> None:
    labels = tifffile.imread(shared / "haug2_OG2_s1_mask.tif")

    assert built_in("stardist_haug2") == pytest.approx(diameter(np.bincount(labels.flat)[1:]), 0.01)


def test_stardists_models_learnt_nuclei_of_the_size_in_the_data_science_bowl(shared: Path) -> None:
    with zipfile.ZipFile(shared / "dsb2018_fluorescence.zip") as archive:
        masks = [
            tifffile.imread(io.BytesIO(archive.read(name)))
            for name in archive.namelist()
            if name.startswith("masks/") and name.endswith(".tif")
        ]
    measured = np.median([diameter(np.bincount(mask.flat)[1:]) for mask in masks])

    for model in ("2D_versatile_fluo", "2D_paper_dsb2018", "2D_demo"):
        assert built_in(model) == pytest.approx(measured, 0.01)


@pytest.mark.parametrize(
    "entry", [{"percentiles": [-1, 99.8]}, {"pixel_size": 0}, {"diameter": float("inf")}]
)
def test_a_value_that_cannot_be_is_named_with_its_file(
    tmp_path: Path, entry: dict[str, Any]
) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(entry))

    with pytest.raises(BadInputError, match=r"recipe.json: [\w ]+: "):
        read_recipe(tmp_path, "mine", {})
