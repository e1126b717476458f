"""bioimage.io packages: what StarDist and others write into them, and what does harm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import BadInputError
from bridge.model.bioimageio import read_package, read_settings
from bridge.model.recipe import Recipe
from tests.model.zips import stardist_rdf

SOURCE = Path("package.zip")


def scale_range(spec: str, **arguments: Any) -> dict[str, Any]:
    step = {"name" if spec == "0.4" else "id": "scale_range", "kwargs": arguments}
    return stardist_rdf(inputs=[{"preprocessing": [step]}])


def settings(folder: Path, rdf: dict[str, Any]) -> dict[str, Any]:
    (folder / "rdf.yaml").write_text(json.dumps(rdf))
    return read_settings(folder)[0]


def test_stardists_part_is_read() -> None:
    package = read_package(json.dumps(stardist_rdf()).encode(), SOURCE, ["stardist_weights.h5"])

    assert package.config["n_rays"] == 32
    assert package.weights == "stardist_weights.h5"
    assert package.formats == ("tensorflow_saved_model_bundle",)


def test_yaml_is_read_as_yaml() -> None:
    text = b"""
config:
  stardist:
    config: {n_dim: 2, grid: !!python/tuple [2, 2]}
"""
    with pytest.raises(BadInputError, match=r"package\.zip: has a damaged description, line 4"):
        read_package(text, SOURCE, [])
    package = read_package(text.replace(b"!!python/tuple ", b""), SOURCE, [])
    assert package.config == {"n_dim": 2, "grid": [2, 2]}


@pytest.mark.parametrize(
    ("weights", "found"),
    [
        ({"keras_hdf5": {"source": "./keras.h5"}}, "keras.h5"),
        ({"keras_hdf5": {"source": "missing.h5"}}, None),
        ({"keras_hdf5": {"source": "https://lab.org/keras.h5"}}, None),
        ({"keras_hdf5": {"source": "../keras.h5"}}, None),
        ({"onnx": {"source": "model.onnx"}}, None),
    ],
)
def test_keras_weights_are_taken_from_the_package_only(
    weights: dict[str, Any], found: str | None
) -> None:
    rdf = json.dumps(stardist_rdf(weights=weights)).encode()

    assert read_package(rdf, SOURCE, ["rdf.yaml", "keras.h5", "model.onnx"]).weights == found


@pytest.mark.parametrize(
    ("spec", "arguments", "percentiles", "normalize"),
    [
        ("0.4", {"axes": "yx", "min_percentile": 1, "max_percentile": 99.8}, (1, 99.8), "channels"),
        ("0.4", {"axes": "zyx", "min_percentile": 3.0}, (3, 100), "channels"),
        ("0.4", {"axes": "yxc", "max_percentile": 99}, (0, 99), "joint"),
        ("0.5", {"axes": ["batch", "y", "x"]}, (0, 100), "channels"),
        ("0.5", {"axes": ["channel", "y", "x"]}, (0, 100), "joint"),
        ("0.5", {"axes": None}, (0, 100), "joint"),
        ("0.5", {}, (0, 100), "joint"),
    ],
)
def test_scale_range_says_percentiles_and_how_channels_are_normalised(
    tmp_path: Path,
    spec: str,
    arguments: dict[str, Any],
    percentiles: tuple[float, float],
    normalize: str,
) -> None:
    found = settings(tmp_path, scale_range(spec, **arguments))

    assert (found["percentiles"], found["normalize"]) == (percentiles, normalize)


def test_starbridges_own_packages_bring_the_whole_recipe(tmp_path: Path) -> None:
    recipe = Recipe((0.2, 99.8), 0.51, 0.3, (0, "DAPI"), 0.5, "joint", ("Neuron",), 8.0)

    found = settings(tmp_path, {"config": {"starbridge": recipe.to_json()}})

    assert Recipe(**found) == recipe


def test_a_description_without_settings_gives_none(tmp_path: Path) -> None:
    assert settings(tmp_path, {"type": "model"}) == {}
    assert settings(tmp_path, {"inputs": [], "config": {"stardist": None}}) == {}
    assert settings(tmp_path, {"inputs": [{"preprocessing": [None, {"id": "clip"}]}]}) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a: [", "damaged description, line 1"),
        (b"- 1\n- 2\n", "description of another kind"),
        (b"\xff\xfe\x00", "damaged description"),
        (b"[" * 5000, "damaged description"),
    ],
    ids=["cut", "a list", "not text", "deep"],
)
def test_a_damaged_description_is_one_line(text: bytes, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read_package(text, SOURCE, [])


def test_references_do_not_make_a_small_file_endless() -> None:
    levels = "\n".join(
        f"    l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" if n else "    l0: &l0 [1]"
        for n in range(12)
    )
    text = f"config:\n  stardist:\n   config:\n{levels}\n"

    with pytest.raises(BadInputError, match="description without end"):
        read_package(text.encode(), SOURCE, [])


@pytest.mark.parametrize("percentiles", [(99, 1), (-1, 99), (0.5, 200)])
def test_impossible_percentiles_name_the_file(
    tmp_path: Path, percentiles: tuple[float, float]
) -> None:
    low, high = percentiles

    with pytest.raises(BadInputError, match=r"rdf\.yaml: has the impossible percentiles"):
        settings(tmp_path, scale_range("0.5", min_percentile=low, max_percentile=high))
    with pytest.raises(BadInputError, match="does not give percentiles as numbers"):
        settings(tmp_path, scale_range("0.5", min_percentile="low"))
