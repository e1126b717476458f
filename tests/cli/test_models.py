"""``starbridge models``: what there is, what a model is, and downloads."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.model import published
from bridge.model.folder import demo_model_folder
from tests.cli.conftest import Command
from tests.model.serving import Answer, ModelServer, serving
from tests.model.zips import model_files, pack, write_zip

ZIP = pack(model_files())


@pytest.fixture
def server(model_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """A server that publishes all models."""
    sha256 = hashlib.sha256(ZIP).hexdigest()
    models = tuple(replace(model, sha256=sha256) for model in published.PUBLISHED)
    monkeypatch.setattr(published, "PUBLISHED", models)
    monkeypatch.setattr("bridge.model.listing.PUBLISHED", models)
    with serving() as running:
        monkeypatch.setattr(published, "_RELEASE", running.url("/"))
        for model in models:
            running.answers[f"/{model.file_name}"] = Answer(ZIP)
        yield running


def line_of(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"{name} "))


def test_the_list_names_every_model_and_what_it_is_for(
    starbridge: Command, model_cache: Path
) -> None:
    code, printed, said = starbridge("models")

    assert (code, said) == (0, "")
    assert "built in" in line_of(printed, "fluo")
    assert "also called demo\n" in printed
    for model in published.PUBLISHED:
        line = line_of(printed, model.name)
        assert "not downloaded" in line
        assert line.endswith(model.purpose)
    assert "also called Versatile (H&E nuclei)\n" in printed
    assert printed.endswith(
        f"cache: {model_cache / 'models'}\nshared folder: none (STARBRIDGE_MODELS names it)\n"
    )
    assert not model_cache.exists()


def test_the_list_says_where_each_model_is(
    starbridge: Command,
    server: ModelServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab = tmp_path / "lab"
    shutil.copytree(demo_model_folder(), lab / "our_model")
    write_zip(lab / "python_2D_versatile_he.zip", model_files())
    monkeypatch.setenv("STARBRIDGE_MODELS", str(lab))
    server.answers["/theirs.zip"] = Answer(ZIP)
    starbridge("models", "fetch", "2D_demo", server.url("/theirs.zip"))

    found = json.loads(starbridge("models", "--json")[1])

    models = {model["name"]: model for model in found["models"]}
    assert {name: model["place"] for name, model in models.items()} == {
        "fluo": "built in",
        "2D_versatile_fluo": "",
        "2D_versatile_he": "shared",
        "2D_paper_dsb2018": "",
        "2D_demo": "cache",
        "3D_demo": "",
        "our_model": "shared",
        "theirs": "cache",
    }
    assert models["theirs"]["source"] == server.url("/theirs.zip")
    assert models["2D_demo"]["bytes"] == len(ZIP)
    assert models["2D_versatile_he"]["aliases"] == ["Versatile (H&E nuclei)"]
    assert found["shared"] == str(lab)
    text = starbridge("models")[1]
    assert f"from {server.url('/theirs.zip')}\n" in text
    assert "shared," in line_of(text, "our_model")


def test_a_model_is_shown_with_where_each_setting_comes_from(
    starbridge: Command, model_cache: Path, tmp_path: Path
) -> None:
    path = write_zip(tmp_path / "2D_versatile_he.zip", model_files())

    code, printed, _ = starbridge("models", "show", path)

    assert code == 0
    lines = printed.splitlines()
    assert lines[0] == "model       2D_versatile_he"
    assert "network     2D U-Net, depth 3, 22 filters, grid 2 x 2, 32 rays, no classes" in lines
    assert "trained on  patches of 160 x 160 pixels" in lines
    assert f"from        {path}, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}" in lines
    settings = {line.split()[0]: line for line in lines if line.startswith("  ")}
    assert settings["normalize"].endswith("joint    built in for 2D_versatile_he")
    assert settings["prob"].endswith("thresholds.json")
    assert settings["percentiles"].endswith("StarDist's default")

    shown = json.loads(starbridge("models", "show", path, "--json")[1])
    assert shown["recipe"]["normalize"] == {
        "value": "joint",
        "from": "built in for 2D_versatile_he",
    }
    assert shown["source"]["kind"] == "file"
    assert shown["weights"]["file"] == "weights_best.h5"


def test_models_of_volumes_are_shown_too(starbridge: Command, tmp_path: Path) -> None:
    folder = tmp_path / "volumes"
    shutil.copytree(demo_model_folder(), folder)
    config = {"n_dim": 3, "grid": [1, 2, 2], "n_rays": 96, "backbone": "resnet"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "weights_best.h5").touch()

    printed = starbridge("models", "show", folder)[1]

    assert "3D ResNet, depth 4, 32 filters, grid 1 x 2 x 2, 96 rays, no classes" in printed
    assert "trained on  not known" in printed
    refused = starbridge("train", tmp_path, "--from", folder, "--out", tmp_path / "out")
    assert "describes a 3D model" in refused[2]


def test_models_are_fetched_for_later_and_for_others(
    starbridge: Command, server: ModelServer, model_cache: Path, tmp_path: Path
) -> None:
    code, printed, said = starbridge("models", "fetch", "2D_demo", "Versatile (H&E nuclei)")

    folder = model_cache / "models"
    assert code == 0
    assert printed == f"{folder / 'python_2D_demo.zip'}\n{folder / 'python_2D_versatile_he.zip'}\n"
    assert said.count("starbridge: downloading") == 2
    assert len(list(folder.glob("unpacked/*/*/weights_best.h5"))) == 2

    out = tmp_path / "stick"
    assert starbridge("models", "fetch", "--all", "--out", out)[0] == 0
    assert sorted(path.name for path in out.iterdir()) == sorted(
        model.file_name for model in published.PUBLISHED
    )
    assert server.asked.count("/python_2D_demo.zip") == 1


def test_one_model_that_cannot_be_had_does_not_stop_the_others(
    starbridge: Command, server: ModelServer, model_cache: Path
) -> None:
    server.answers["/python_2D_demo.zip"] = Answer(b"another file")

    code, printed, said = starbridge("models", "fetch", "2D_demo", "3D_dmeo", "3D_demo")

    assert code == 1
    assert printed == f"{model_cache / 'models' / 'python_3D_demo.zip'}\n"
    assert "python_2D_demo.zip: is not the file that was published" in said
    assert "3D_dmeo: is no published model; did you mean 3D_demo?" in said


def test_fetch_asks_what_to_fetch(starbridge: Command, model_cache: Path) -> None:
    code, _, said = starbridge("models", "fetch")

    assert code == 2
    assert said == "starbridge: models fetch: names no model; give names or URLs, or --all\n"


def test_the_doctor_downloads_nothing(
    starbridge: Command, server: ModelServer, model_cache: Path
) -> None:
    report = starbridge("doctor", "--model", "2D_demo", "--json")[1]

    (finding,) = [f for f in json.loads(report)["findings"] if f["name"] == "model 2D_demo"]
    assert finding["status"] == "problem"
    assert finding["found"] == "2D_demo: is not downloaded yet"
    assert finding["remedy"] == "starbridge models fetch 2D_demo"
    assert server.asked == []
