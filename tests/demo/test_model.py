"""The demo model is small, complete and good enough, and can be made again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.model.folder import demo_model_folder
from bridge.train.evaluation import evaluate, microscope_pair

pytestmark = pytest.mark.model

FILES = {"config.json", "thresholds.json", "weights_best.h5", "recipe.json", "README.md"}


def test_the_packaged_folder_is_complete_and_small() -> None:
    files = list(demo_model_folder().iterdir())
    assert {file.name for file in files} == FILES
    assert sum(file.stat().st_size for file in files) <= 3_000_000


def test_the_card_states_the_figures_that_are_measured() -> None:
    card = (demo_model_folder() / "README.md").read_text(encoding="utf-8")
    for score in evaluate("demo", [microscope_pair()], ious=(0.5, 0.7)).scores:
        (line,) = (
            line
            for line in card.splitlines()
            if line.startswith(f"| StarDist's test image | {score.iou:g} |")
        )
        assert float(line.split("|")[-2]) == pytest.approx(score.f1, abs=0.01)


def test_training_writes_a_complete_folder_that_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from bridge.demo.train import train
    from bridge.model.folder import open_model

    out = tmp_path / "models" / "small"
    written = train(
        out,
        seed=3,
        epochs=1,
        steps_per_epoch=2,
        images=4,
        image_size=96,
        patch_size=64,
        batch_size=2,
        filters=4,
    )
    assert written == out
    assert {file.name for file in out.iterdir()} == FILES
    assert [path.name for path in out.parent.iterdir()] == ["small"]
    assert capsys.readouterr().out == ""

    recipe = json.loads((out / "recipe.json").read_text(encoding="utf-8"))
    assert 8 < recipe.pop("diameter") < 55
    assert recipe == {"percentiles": [1.0, 99.8], "channel": 0, "pixel_size": None}
    model = open_model(out)
    assert (model.grid, model.n_rays, model.n_channels) == ((2, 2), 32, 1)
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "starbridge demo train --out DIR --seed 3 --epochs 1\n" in card
    assert "| images | 4 |" in card
    assert "StarDist's test image: 1 image, 125 nuclei." in card

    from stardist.models import StarDist2D

    network = StarDist2D(None, name=out.name, basedir=str(out.parent))
    probability, distances = network.predict(np.zeros((64, 64), np.float32))
    assert probability.shape == (32, 32)
    assert distances.shape == (32, 32, 32)


def test_training_overwrites_nothing(tmp_path: Path) -> None:
    from bridge.demo.train import train

    with pytest.raises(BadInputError, match="exists already"):
        train(tmp_path)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"patch_size": 100}, "multiple of 16"),
        ({"patch_size": 100, "grid": 1}, "multiple of 8"),
        ({"grid": 0}, "at least 1"),
        ({"patch_size": 128, "image_size": 96}, "no larger than the images"),
        ({"epochs": 0}, "at least 1"),
        ({"filters": -1}, "at least 1"),
    ],
)
def test_training_refuses_settings_that_cannot_be(
    tmp_path: Path, settings: dict[str, Any], reason: str
) -> None:
    from bridge.demo.train import train

    with pytest.raises(BadInputError, match=reason):
        train(tmp_path / "model", **settings)
    assert not list(tmp_path.iterdir())
